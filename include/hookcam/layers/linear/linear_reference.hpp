#pragma once

#include <cstddef>

namespace hookcam::reference {

/// y[n,o] = bias[o] + Σ_i x[n,i]·weight[o,i]; bias may be null.
template <class T>
void linear(std::size_t batch, std::size_t in, std::size_t out, T const* x, T const* weight, T const* bias,
            T* y) {
    for (std::size_t n = 0; n < batch; ++n)
        for (std::size_t o = 0; o < out; ++o) {
            T sum = bias == nullptr ? T{0} : bias[o];
            for (std::size_t i = 0; i < in; ++i)
                sum += x[n * in + i] * weight[o * in + i];
            y[n * out + o] = sum;
        }
}

/// grad_x[n,i] = Σ_o grad_y[n,o]·weight[o,i].
template <class T>
void linear_backward(std::size_t batch, std::size_t in, std::size_t out, T const* grad_y, T const* weight,
                     T* grad_x) {
    for (std::size_t n = 0; n < batch; ++n)
        for (std::size_t i = 0; i < in; ++i) {
            T sum{0};
            for (std::size_t o = 0; o < out; ++o)
                sum += grad_y[n * out + o] * weight[o * in + i];
            grad_x[n * in + i] = sum;
        }
}

/// grad_weight[o,i] = Σ_n grad_y[n,o]·x[n,i], grad_bias[o] = Σ_n grad_y[n,o]; grad_bias may be null.
template <class T>
void linear_backward_parameters(std::size_t batch, std::size_t in, std::size_t out, T const* x,
                                T const* grad_y, T* grad_weight, T* grad_bias) {
    for (std::size_t o = 0; o < out; ++o)
        for (std::size_t i = 0; i < in; ++i) {
            T sum{0};
            for (std::size_t n = 0; n < batch; ++n)
                sum += grad_y[n * out + o] * x[n * in + i];
            grad_weight[o * in + i] = sum;
        }
    for (std::size_t o = 0; grad_bias != nullptr && o < out; ++o) {
        grad_bias[o] = T{0};
        for (std::size_t n = 0; n < batch; ++n)
            grad_bias[o] += grad_y[n * out + o];
    }
}

} // namespace hookcam::reference
