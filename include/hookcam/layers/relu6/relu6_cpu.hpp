#pragma once

#include "../../core/instruction_set.hpp"
#include "../../core/on_device.hpp"

namespace hookcam::kernels {

/// min(max(x, 0), 6), and its derivative by the output: zero at both ends, as in PyTorch. NaN passes.
struct relu6 {
    static constexpr int largest = 6;

    template <class T, class Set = detail::instruction_set>
    [[nodiscard]] HOOKCAM_DEVICE T value(T x) const noexcept {
        return x < T{0} ? T{0} : T{largest} < x ? T{largest} : x;
    }
    template <class T, class Set = detail::instruction_set>
    [[nodiscard]] HOOKCAM_DEVICE T derivative(T y) const noexcept {
        return y <= T{0} || y >= T{largest} ? T{0} : T{1};
    }
};

} // namespace hookcam::kernels
