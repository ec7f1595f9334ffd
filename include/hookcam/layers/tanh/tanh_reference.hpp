#pragma once

#include <cmath>

namespace hookcam::reference {

/// 1 − 2 / (exp(2x) + 1).
template <class T>
T tanh(T x) {
    return T{1} - T{2} / (std::exp(T{2} * x) + T{1});
}

/// 1 / cosh²(x).
template <class T>
T tanh_derivative(T x) {
    T const c = std::cosh(x);
    return T{1} / (c * c);
}

} // namespace hookcam::reference
