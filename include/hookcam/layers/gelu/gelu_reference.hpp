#pragma once

#include <cmath>
#include <numbers>

namespace hookcam::reference {

/// x·Φ(x), with the normal distribution's tail erfc.
template <class T>
T gelu(T x) {
    return x * std::erfc(-x / std::sqrt(T{2})) / T{2};
}

/// Φ(x) + x·φ(x).
template <class T>
T gelu_derivative(T x) {
    return std::erfc(-x / std::sqrt(T{2})) / T{2} +
           x * std::exp(-x * x / T{2}) / std::sqrt(T{2} * std::numbers::pi_v<T>);
}

/// x / (1 + exp(−2u)) with u = √(2/π)·(x + 0.044715·x³).
template <class T>
T gelu_by_tanh(T x) {
    T const u = std::sqrt(T{2} / std::numbers::pi_v<T>) * (x + T(0.044715) * x * x * x);
    return x / (T{1} + std::exp(T{-2} * u));
}

/// By the quotient rule.
template <class T>
T gelu_by_tanh_derivative(T x) {
    T const root = std::sqrt(T{2} / std::numbers::pi_v<T>);
    T const u = root * (x + T(0.044715) * x * x * x);
    T const below = T{1} + std::exp(T{-2} * u);
    T const slope = root * (T{1} + T(0.134145) * x * x);
    return T{1} / below + x * T{2} * slope * std::exp(T{-2} * u) / (below * below);
}

} // namespace hookcam::reference
