#pragma once

#include "batch_norm2d_parameters.hpp"

#include <cmath>
#include <cstddef>

namespace hookcam::reference {

/// (x − mean) / sqrt(variance + eps) for the element at an index of N,C,plane.
template <class T>
T normalized(kernels::batch_norm2d_parameters const& of, kernels::batch_norm2d_tensors<T> const& own,
             T const* x, std::size_t at) {
    std::size_t const channel = at / of.plane % of.channels;
    return (x[at] - own.mean[channel]) / std::sqrt(own.variance[channel] + static_cast<T>(of.eps));
}

/// y = normalized·weight + bias.
template <class T>
void batch_norm2d(kernels::batch_norm2d_parameters const& of, kernels::batch_norm2d_tensors<T> const& own,
                  T const* x, T* y) {
    for (std::size_t i = 0; i < of.batch * of.channels * of.plane; ++i) {
        std::size_t const channel = i / of.plane % of.channels;
        T const weight = own.weight == nullptr ? T{1} : own.weight[channel];
        T const bias = own.bias == nullptr ? T{0} : own.bias[channel];
        y[i] = normalized(of, own, x, i) * weight + bias;
    }
}

/// grad_x = grad_y·weight / sqrt(variance + eps).
template <class T>
void batch_norm2d_backward(kernels::batch_norm2d_parameters const& of,
                           kernels::batch_norm2d_tensors<T> const& own, T const* grad_y, T* grad_x) {
    for (std::size_t i = 0; i < of.batch * of.channels * of.plane; ++i) {
        std::size_t const channel = i / of.plane % of.channels;
        T const weight = own.weight == nullptr ? T{1} : own.weight[channel];
        grad_x[i] = grad_y[i] * weight / std::sqrt(own.variance[channel] + static_cast<T>(of.eps));
    }
}

/// grad_weight = Σ grad_y·normalized, grad_bias = Σ grad_y.
template <class T>
void batch_norm2d_backward_parameters(kernels::batch_norm2d_parameters const& of,
                                      kernels::batch_norm2d_tensors<T> const& own, T const* x,
                                      T const* grad_y, T* grad_weight, T* grad_bias) {
    for (std::size_t c = 0; c < of.channels; ++c)
        grad_weight[c] = grad_bias[c] = T{0};
    for (std::size_t i = 0; i < of.batch * of.channels * of.plane; ++i) {
        std::size_t const channel = i / of.plane % of.channels;
        grad_weight[channel] += grad_y[i] * normalized(of, own, x, i);
        grad_bias[channel] += grad_y[i];
    }
}

} // namespace hookcam::reference
