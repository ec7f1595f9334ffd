#pragma once

#include "../../core/instruction_set.hpp"
#include "../../core/on_device.hpp"

namespace hookcam::kernels {

/// x·min(max(x + 3, 0), 6) / 6, and its derivative by x: zero up to −3, one from 3 on, as in PyTorch. NaN passes.
struct hardswish {
    template <class T, class Set = detail::instruction_set>
    [[nodiscard]] HOOKCAM_DEVICE T value(T x) const noexcept {
        T const moved = x + T{3};
        return x * (moved < T{0} ? T{0} : T{6} < moved ? T{6} : moved) / T{6};
    }
    template <class T, class Set = detail::instruction_set>
    [[nodiscard]] HOOKCAM_DEVICE T derivative(T x) const noexcept {
        return x <= T{-3} ? T{0} : x < T{3} ? x / T{3} + T(0.5) : T{1};
    }
};

} // namespace hookcam::kernels
