#pragma once

#include "../../core/instruction_set.hpp"
#include "../../core/on_device.hpp"

namespace hookcam::kernels {

/// x above zero, negative_slope·x elsewhere; its derivative by x, or by y where the slope is not negative: x and
/// y have the same sign then.
struct leaky_relu {
    double negative_slope;

    template <class T, class Set = detail::instruction_set>
    [[nodiscard]] HOOKCAM_DEVICE T value(T x) const noexcept {
        return x > T{0} ? x : x * static_cast<T>(negative_slope);
    }
    template <class T, class Set = detail::instruction_set>
    [[nodiscard]] HOOKCAM_DEVICE T derivative(T read) const noexcept {
        return read > T{0} ? T{1} : static_cast<T>(negative_slope);
    }
};

} // namespace hookcam::kernels
