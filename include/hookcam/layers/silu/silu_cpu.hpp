#pragma once

#include "../../core/instruction_set.hpp"
#include "../../core/on_device.hpp"

#include <cmath>

namespace hookcam::kernels {

/// x·s with s = 1 / (1 + exp(−x)), and its derivative by x, s·(1 + x·(1 − s)).
struct silu {
    template <class T, class Set = detail::instruction_set>
    [[nodiscard]] HOOKCAM_DEVICE T value(T x) const noexcept {
        return x / (T{1} + std::exp(-x));
    }
    template <class T, class Set = detail::instruction_set>
    [[nodiscard]] HOOKCAM_DEVICE T derivative(T x) const noexcept {
        T const s = T{1} / (T{1} + std::exp(-x));
        return s * (T{1} + x * (T{1} - s));
    }
};

} // namespace hookcam::kernels
