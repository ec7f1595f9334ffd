#pragma once

#include "../../tensor/blas.hpp"
#include "../../tensor/device.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::kernels {

/// y (batch×out) = x (batch×in) · weightᵀ (out×in) + bias; bias may be null.
template <class T>
void linear(cpu, std::size_t batch, std::size_t in, std::size_t out, T const* x, T const* weight, T const* bias, T* y) {
    using detail::transposed;
    for (std::size_t n = 0; bias != nullptr && n < batch; ++n) std::copy_n(bias, out, y + n * out);
    detail::gemm(transposed::no, transposed::yes, batch, out, in, x, in, weight, in, T(bias != nullptr), y, out);
}

/// grad_x (batch×in) = grad_y (batch×out) · weight (out×in).
template <class T>
void linear_backward(cpu, std::size_t batch, std::size_t in, std::size_t out, T const* grad_y, T const* weight,
                     T* grad_x) {
    using detail::transposed;
    detail::gemm(transposed::no, transposed::no, batch, in, out, grad_y, out, weight, in, T{0}, grad_x, in);
}

/// grad_weight (out×in) = grad_yᵀ · x, grad_bias = the sum of grad_y over the batch; grad_bias may be null.
template <class T>
void linear_backward_parameters(cpu, std::size_t batch, std::size_t in, std::size_t out, T const* x, T const* grad_y,
                                T* grad_weight, T* grad_bias) {
    using detail::transposed;
    detail::gemm(transposed::yes, transposed::no, out, in, batch, grad_y, out, x, in, T{0}, grad_weight, in);
    if (grad_bias == nullptr) return;
    std::fill_n(grad_bias, out, T{0});
    for (std::size_t n = 0; n < batch; ++n)
        for (std::size_t o = 0; o < out; ++o) grad_bias[o] += grad_y[n * out + o];
}

} // namespace hookcam::kernels
