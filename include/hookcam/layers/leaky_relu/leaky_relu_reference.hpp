#pragma once

namespace hookcam::reference {

/// max(x, 0) + slope·min(x, 0).
template <class T>
T leaky_relu(double slope, T x) {
    return x > T{0} ? x : static_cast<T>(slope) * x;
}

/// 1 above zero, else the slope.
template <class T>
T leaky_relu_derivative(double slope, T x) {
    return x > T{0} ? T{1} : static_cast<T>(slope);
}

} // namespace hookcam::reference
