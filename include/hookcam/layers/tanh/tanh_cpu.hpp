#pragma once

#include "../../core/instruction_set.hpp"
#include "../../core/on_device.hpp"

#include <cmath>

namespace hookcam::kernels {

/// The hyperbolic tangent, and its derivative by the output, 1 − y².
struct tanh {
    template <class T, class Set = detail::instruction_set>
    [[nodiscard]] HOOKCAM_DEVICE T value(T x) const noexcept {
        return std::tanh(x);
    }
    template <class T, class Set = detail::instruction_set>
    [[nodiscard]] HOOKCAM_DEVICE T derivative(T y) const noexcept {
        return T{1} - y * y;
    }
};

} // namespace hookcam::kernels
