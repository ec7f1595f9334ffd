#pragma once

#include <cmath>

namespace hookcam::reference {

/// x·(1 + tanh(x/2)) / 2.
template <class T>
T silu(T x) {
    return x * (T{1} + std::tanh(x / T{2})) / T{2};
}

/// By the product rule.
template <class T>
T silu_derivative(T x) {
    T const c = std::cosh(x / T{2});
    return (T{1} + std::tanh(x / T{2})) / T{2} + x / (T{4} * c * c);
}

} // namespace hookcam::reference
