#pragma once

#include "../../core/instruction_set.hpp"
#include "../../core/on_device.hpp"

#include <cmath>
#include <numbers>

namespace hookcam::kernels {

/// x·Φ(x) with the normal distribution's Φ(x) = (1 + erf(x/√2)) / 2; its derivative by x is Φ(x) + x·φ(x) with
/// the density φ(x) = exp(−x²/2) / √(2π).
struct gelu {
    template <class T, class Set = detail::instruction_set>
    [[nodiscard]] HOOKCAM_DEVICE T value(T x) const noexcept {
        return x * distribution(x);
    }
    template <class T, class Set = detail::instruction_set>
    [[nodiscard]] HOOKCAM_DEVICE T derivative(T x) const noexcept {
        constexpr T peak = std::numbers::inv_sqrtpi_v<T> / std::numbers::sqrt2_v<T>;
        return distribution(x) + x * peak * std::exp(-x * x / T{2});
    }

private:
    template <class T, class Set = detail::instruction_set>
    [[nodiscard]] HOOKCAM_DEVICE static T distribution(T x) noexcept {
        return T(0.5) * (T{1} + std::erf(x / std::numbers::sqrt2_v<T>));
    }
};

/// x·(1 + t)/2 with t = tanh(√(2/π)·(x + 0.044715·x³)), and its derivative by x.
struct gelu_by_tanh {
    template <class T, class Set = detail::instruction_set>
    [[nodiscard]] HOOKCAM_DEVICE T value(T x) const noexcept {
        return T(0.5) * x * (T{1} + std::tanh(argument(x)));
    }
    template <class T, class Set = detail::instruction_set>
    [[nodiscard]] HOOKCAM_DEVICE T derivative(T x) const noexcept {
        T const t = std::tanh(argument(x));
        T const slope = factor<T> * (T{1} + T{3} * cubic<T> * x * x);
        return T(0.5) * (T{1} + t + x * (T{1} - t * t) * slope);
    }

private:
    template <class T>
    static constexpr T factor = std::numbers::sqrt2_v<T>* std::numbers::inv_sqrtpi_v<T>;
    template <class T>
    static constexpr T cubic = T(0.044715);

    template <class T, class Set = detail::instruction_set>
    [[nodiscard]] HOOKCAM_DEVICE static T argument(T x) noexcept {
        return factor<T> * (x + cubic<T> * x * x * x);
    }
};

} // namespace hookcam::kernels
