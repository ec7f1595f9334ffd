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

/// Mean, biased and unbiased variance of one channel of a batch.
template <class T>
struct batch_statistics {
    T mean{};
    T variance{};
    T unbiased{};
};

template <class T>
batch_statistics<T> measure_channel(kernels::batch_norm2d_parameters const& of, T const* x,
                                    std::size_t channel) {
    batch_statistics<T> found;
    auto const count = static_cast<T>(of.batch * of.plane);
    auto const each = [&](auto visit) {
        for (std::size_t i = 0; i < of.batch * of.channels * of.plane; ++i)
            if (i / of.plane % of.channels == channel)
                visit(x[i]);
    };
    each([&](T value) { found.mean += value / count; });
    each([&](T value) { found.variance += (value - found.mean) * (value - found.mean) / count; });
    found.unbiased = found.variance * count / (count - 1);
    return found;
}

/// In training: y = (x − mean) / sqrt(variance + eps)·weight + bias, by the statistics of the batch.
template <class T>
void batch_norm2d_training(kernels::batch_norm2d_parameters const& of, T const* weight, T const* bias,
                           T const* x, T* y) {
    for (std::size_t i = 0; i < of.batch * of.channels * of.plane; ++i) {
        std::size_t const channel = i / of.plane % of.channels;
        auto const found = measure_channel(of, x, channel);
        T const normal = (x[i] - found.mean) / std::sqrt(found.variance + static_cast<T>(of.eps));
        y[i] =
            normal * (weight == nullptr ? T{1} : weight[channel]) + (bias == nullptr ? T{0} : bias[channel]);
    }
}

} // namespace hookcam::reference
