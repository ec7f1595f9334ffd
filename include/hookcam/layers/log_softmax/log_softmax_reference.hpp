#pragma once

#include "../softmax/softmax_parameters.hpp"

#include <cmath>
#include <cstddef>

namespace hookcam::reference {

/// y = log(exp(x) / Σ exp(x)) over the channels at each pixel; for inputs whose exponentials do not overflow.
template <class T>
void log_softmax(kernels::softmax_parameters const& of, T const* x, T* y) {
    for (std::size_t i = 0; i < of.batch * of.channels * of.plane; ++i) {
        std::size_t const image = i / (of.channels * of.plane);
        T sum{0};
        for (std::size_t c = 0; c < of.channels; ++c)
            sum += std::exp(x[(image * of.channels + c) * of.plane + i % of.plane]);
        y[i] = std::log(std::exp(x[i]) / sum);
    }
}

/// grad_x[i] = Σ_k grad_y[k]·∂y[k]/∂x[i] with ∂y[k]/∂x[i] = (k = i) − exp(y[i]).
template <class T>
void log_softmax_backward(kernels::softmax_parameters const& of, T const* y, T const* grad_y, T* grad_x) {
    for (std::size_t i = 0; i < of.batch * of.channels * of.plane; ++i) {
        std::size_t const image = i / (of.channels * of.plane);
        grad_x[i] = T{0};
        for (std::size_t c = 0; c < of.channels; ++c) {
            std::size_t const k = (image * of.channels + c) * of.plane + i % of.plane;
            grad_x[i] += grad_y[k] * (T(k == i) - std::exp(y[i]));
        }
    }
}

} // namespace hookcam::reference
