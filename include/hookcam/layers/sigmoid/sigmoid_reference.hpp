#pragma once

#include <cmath>

namespace hookcam::reference {

/// (1 + tanh(x/2)) / 2.
template <class T>
T sigmoid(T x) {
    return (T{1} + std::tanh(x / T{2})) / T{2};
}

/// 1 / (4·cosh²(x/2)).
template <class T>
T sigmoid_derivative(T x) {
    T const c = std::cosh(x / T{2});
    return T{1} / (T{4} * c * c);
}

} // namespace hookcam::reference
