#pragma once

#include "../cuda/kernel.hpp"
#include "../tensor/device.hpp"

#include <cstddef>

namespace hookcam::kernels {

/// function.value(x).
template <class Function>
struct function_element {
    static constexpr char const* name = "elementwise";
    Function function;
    float const* x;
    float* y;

    HOOKCAM_DEVICE void operator()(std::size_t i) const { y[i] = function.value(x[i]); }
};

/// grad_y·function.derivative(read).
template <class Function>
struct derivative_element {
    static constexpr char const* name = "elementwise_backward";
    Function function;
    float const* read;
    float const* grad_y;
    float* grad_x;

    HOOKCAM_DEVICE void operator()(std::size_t i) const {
        grad_x[i] = grad_y[i] * function.derivative(read[i]);
    }
};

/// y = function.value(x), element by element; y may be x. A .cu file compiles it for the function by
/// `HOOKCAM_CUDA_FUNCTION(function);`.
template <detail::a_gpu Device, class Function>
void elementwise(Device const& on, Function const& function, std::size_t size, float const* x, float* y) {
    for_each_element(on, size, function_element<Function>{function, x, y});
}

/// grad_x = grad_y·function.derivative(read).
template <detail::a_gpu Device, class Function>
void elementwise_backward(Device const& on, Function const& function, std::size_t size, float const* read,
                          float const* grad_y, float* grad_x) {
    for_each_element(on, size, derivative_element<Function>{function, read, grad_y, grad_x});
}

} // namespace hookcam::kernels

/// Compiles a function of `elementwise` for the GPU. At namespace scope, behind cuda/launch.cuh.
#define HOOKCAM_CUDA_FUNCTION(function)                                                                      \
    HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::function_element<function>>);       \
    HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::derivative_element<function>>)
