#pragma once

#include "../../core/instruction_set.hpp"
#include "../../core/on_device.hpp"

#include <cmath>

namespace hookcam::kernels {

/// 1 / (1 + exp(−x)), and its derivative by the output, y·(1 − y).
struct sigmoid {
    template <class T, class Set = detail::instruction_set>
    [[nodiscard]] HOOKCAM_DEVICE T value(T x) const noexcept {
        return T{1} / (T{1} + std::exp(-x));
    }
    template <class T, class Set = detail::instruction_set>
    [[nodiscard]] HOOKCAM_DEVICE T derivative(T y) const noexcept {
        return y * (T{1} - y);
    }
};

} // namespace hookcam::kernels
