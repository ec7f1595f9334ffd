#pragma once

#include "../conv2d/conv2d_cuda.hpp"

#include <cstddef>

namespace hookcam::kernels {

// Transposed, a convolution's backward is forward and its forward is backward. All sizes are those of that
// convolution, whose input is y here and whose output is x.

/// y = the transpose of the convolution applied to x, and bias: rows are this layer's output channels of a group.
struct conv_transpose2d_product {
    static constexpr char const* name = "conv_transpose2d";
    static constexpr bool terms_first_a = conv2d_backward_product::terms_first_a;
    static constexpr bool terms_first_b = conv2d_backward_product::terms_first_b;
    using column = conv2d_backward_product::column;

    product_sizes sizes;
    conv2d_backward_product transposed;
    float const* bias;

    [[nodiscard]] HOOKCAM_DEVICE unsigned part_of(unsigned z) const { return transposed.part_of(z); }
    [[nodiscard]] HOOKCAM_DEVICE column column_at(unsigned group, unsigned n) const {
        return transposed.column_at(group, n);
    }
    [[nodiscard]] HOOKCAM_DEVICE float a(unsigned group, unsigned m, unsigned k) const {
        return transposed.a(group, m, k);
    }
    [[nodiscard]] HOOKCAM_DEVICE float b(unsigned group, unsigned k, column const& at) const {
        return transposed.b(group, k, at);
    }
    HOOKCAM_DEVICE void store(unsigned group, unsigned m, unsigned n, float sum) const {
        transposed.store(group, m, n, bias == nullptr ? sum : sum + bias[group * transposed.of.group_in + m]);
    }
};

/// y = the transpose of the convolution applied to x, and bias, which may be null.
template <detail::a_gpu Device>
void conv_transpose2d(Device const& on, conv2d_parameters const& of, float const* x, float const* weight,
                      float const* bias, float* y, float*) {
    auto const terms = detail::narrow(of.group_out() * of.window_size());
    product_sizes const sizes{detail::narrow(of.group_in()), detail::narrow(of.batch * of.in_plane()), terms,
                              terms};
    product(on,
            conv_transpose2d_product{
                sizes, conv2d_backward_product{sizes, conv2d_cuda_sizes{of}, x, weight, y}, bias},
            of.groups);
}

/// The gradient of the input from that of the output.
template <detail::a_gpu Device>
void conv_transpose2d_backward(Device const& on, conv2d_parameters const& of, float const* grad_y,
                               float const* weight, float* grad_x, float* scratch) {
    conv2d(on, of, grad_y, weight, nullptr, grad_x, scratch);
}

/// The gradients of weight and bias, summed over the batch. grad_bias may be null.
template <detail::a_gpu Device>
void conv_transpose2d_backward_parameters(Device const& on, conv2d_parameters const& of, float const* x,
                                          float const* grad_y, float* grad_weight, float* grad_bias,
                                          float* scratch) {
    conv2d_backward_parameters(on, of, grad_y, x, grad_weight, nullptr, scratch);
    if (grad_bias != nullptr)
        on.launch(kernel_grid{of.in_channels},
                  channel_sums{grad_y, grad_bias, detail::narrow(of.in_channels),
                               detail::narrow(of.in_plane()), detail::narrow(of.batch * of.in_plane()),
                               detail::fast_divisor{of.in_plane()}});
}

} // namespace hookcam::kernels
