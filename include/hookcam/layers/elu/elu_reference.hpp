#pragma once

#include <cmath>

namespace hookcam::reference {

/// x above zero, else alpha·(exp(x) − 1).
template <class T>
T elu(double alpha, T x) {
    return x > T{0} ? x : static_cast<T>(alpha) * (std::exp(x) - T{1});
}

/// 1 above zero, else alpha·exp(x).
template <class T>
T elu_derivative(double alpha, T x) {
    return x > T{0} ? T{1} : static_cast<T>(alpha) * std::exp(x);
}

} // namespace hookcam::reference
