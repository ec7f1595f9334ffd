#pragma once

#include "../../tensor/device.hpp"

#include <cstddef>

namespace hookcam::kernels {

/// y = max(x, 0); y may be x.
template <class T>
void relu(cpu, std::size_t size, T const* x, T* y) noexcept {
    // Written so that NaN passes: only what is below zero becomes zero.
    for (std::size_t i = 0; i < size; ++i)
        y[i] = x[i] < T{0} ? T{0} : x[i];
}

/// grad_x = 0 where y is 0, else grad_y: a NaN passes its gradient on, as in PyTorch.
template <class T>
void relu_backward(cpu, std::size_t size, T const* y, T const* grad_y, T* grad_x) noexcept {
    for (std::size_t i = 0; i < size; ++i)
        grad_x[i] = y[i] <= T{0} ? T{0} : grad_y[i];
}

} // namespace hookcam::kernels
