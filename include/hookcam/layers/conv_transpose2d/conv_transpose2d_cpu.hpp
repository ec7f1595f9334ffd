#pragma once

#include "../../core/instruction_set.hpp"
#include "../../tensor/device.hpp"
#include "../conv2d/conv2d_cpu.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

// Transposed, a convolution's backward is forward and its forward is backward. All sizes are those of that
// convolution, whose input is y here and whose output is x.

/// y = the transpose of the convolution applied to x, and bias, which may be null.
template <class T>
void conv_transpose2d(cpu device, conv2d_parameters const& of, T const* x, T const* weight, T const* bias,
                      T* y, T* scratch) {
    conv2d_backward(device, of, x, weight, y, scratch);
    for (std::size_t plane = 0; bias != nullptr && plane < of.batch * of.in_channels; ++plane) {
        T const shift = bias[plane % of.in_channels];
        for (std::size_t i = 0; i < of.in_plane(); ++i)
            y[plane * of.in_plane() + i] += shift;
    }
}

/// The gradient of the input from that of the output.
template <class T>
void conv_transpose2d_backward(cpu device, conv2d_parameters const& of, T const* grad_y, T const* weight,
                               T* grad_x, T* scratch) {
    conv2d<T>(device, of, grad_y, weight, nullptr, grad_x, scratch);
}

/// The gradients of weight and bias, summed over the batch. grad_bias may be null.
template <class T>
void conv_transpose2d_backward_parameters(cpu device, conv2d_parameters const& of, T const* x,
                                          T const* grad_y, T* grad_weight, T* grad_bias, T* scratch) {
    conv2d_backward_parameters<T>(device, of, grad_y, x, grad_weight, nullptr, scratch);
    if (grad_bias == nullptr)
        return;
    std::fill_n(grad_bias, of.in_channels, T{0});
    for (std::size_t plane = 0; plane < of.batch * of.in_channels; ++plane) {
        T sum{0};
        for (std::size_t i = 0; i < of.in_plane(); ++i)
            sum += *grad_y++;
        grad_bias[plane % of.in_channels] += sum;
    }
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
