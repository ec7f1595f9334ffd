#pragma once

#include "../../core/instruction_set.hpp"
#include "../../core/on_device.hpp"

#include <cmath>

namespace hookcam::kernels {

/// x above zero, alpha·(exp(x) − 1) elsewhere.
struct elu {
    double alpha;

    template <class T, class Set = detail::instruction_set>
    [[nodiscard]] HOOKCAM_DEVICE T value(T x) const noexcept {
        return x > T{0} ? x : static_cast<T>(alpha) * std::expm1(x);
    }
    /// By the output, whose sign is that of x: y + alpha = alpha·exp(x). NaN passes its gradient on, as in
    /// PyTorch.
    template <class T, class Set = detail::instruction_set>
    [[nodiscard]] HOOKCAM_DEVICE T derivative(T y) const noexcept {
        return y <= T{0} ? y + static_cast<T>(alpha) : T{1};
    }
};

} // namespace hookcam::kernels
