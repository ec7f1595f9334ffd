#pragma once

#include <cmath>
#include <cstddef>

namespace hookcam::reference {

/// y = the larger of x and 0; NaN stays.
template <class T>
void relu(std::size_t size, T const* x, T* y) {
    for (std::size_t i = 0; i < size; ++i)
        y[i] = x[i] > T{0} || std::isnan(x[i]) ? x[i] : T{0};
}

/// grad_x = grad_y where x > 0 or NaN, else 0.
template <class T>
void relu_backward(std::size_t size, T const* x, T const* grad_y, T* grad_x) {
    for (std::size_t i = 0; i < size; ++i)
        grad_x[i] = x[i] > T{0} || std::isnan(x[i]) ? grad_y[i] : T{0};
}

} // namespace hookcam::reference
