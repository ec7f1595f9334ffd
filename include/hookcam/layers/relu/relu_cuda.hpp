#pragma once

#include "../../cuda/kernel.hpp"
#include "../../tensor/device.hpp"

#include <cstddef>

namespace hookcam::kernels {

/// max(x, 0); NaN passes.
struct relu_element {
    static constexpr char const* name = "relu";
    float const* x;
    float* y;

    HOOKCAM_DEVICE void operator()(std::size_t i) const { y[i] = x[i] < 0.0f ? 0.0f : x[i]; }
};

/// grad_y, but 0 where y is 0.
struct relu_backward_element {
    static constexpr char const* name = "relu_backward";
    float const* y;
    float const* grad_y;
    float* grad_x;

    HOOKCAM_DEVICE void operator()(std::size_t i) const { grad_x[i] = y[i] <= 0.0f ? 0.0f : grad_y[i]; }
};

/// y = max(x, 0); y may be x.
template <detail::a_gpu Device>
void relu(Device const& on, std::size_t size, float const* x, float* y) {
    for_each_element(on, size, relu_element{x, y});
}

/// grad_x = 0 where y is 0, else grad_y.
template <detail::a_gpu Device>
void relu_backward(Device const& on, std::size_t size, float const* y, float const* grad_y, float* grad_x) {
    for_each_element(on, size, relu_backward_element{y, grad_y, grad_x});
}

} // namespace hookcam::kernels
