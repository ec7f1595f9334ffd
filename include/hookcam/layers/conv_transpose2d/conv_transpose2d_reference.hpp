#pragma once

#include "../conv2d/conv2d_parameters.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::reference {

/// Calls `visit(x_index, weight_index, y_index)` for every product of a transposed convolution, straight from its
/// formula: y[n, o, i·stride + k·dilation − padding, …] = bias[o] + Σ x[n,c,i,j]·weight[c,o',k,l], o' the place of
/// o in the group of c. The sizes are those of the convolution from y to x.
template <class Visit>
void for_each_transposed_product(kernels::conv2d_parameters const& of, Visit&& visit) {
    std::size_t const in = of.out_channels;
    std::size_t const outs = of.in_channels / of.groups;
    for (std::size_t n = 0; n < of.batch; ++n)
        for (std::size_t c = 0; c < in; ++c)
            for (std::size_t i = 0; i < of.out_height; ++i)
                for (std::size_t j = 0; j < of.out_width; ++j)
                    for (std::size_t o = 0; o < outs; ++o)
                        for (std::size_t k = 0; k < of.rows.kernel; ++k)
                            for (std::size_t l = 0; l < of.columns.kernel; ++l) {
                                std::size_t const row = i * of.rows.stride + k * of.rows.dilation;
                                std::size_t const column = j * of.columns.stride + l * of.columns.dilation;
                                if (row < of.rows.before || row - of.rows.before >= of.in_height ||
                                    column < of.columns.before || column - of.columns.before >= of.in_width)
                                    continue;
                                std::size_t const out = c / (in / of.groups) * outs + o;
                                visit(((n * in + c) * of.out_height + i) * of.out_width + j,
                                      ((c * outs + o) * of.rows.kernel + k) * of.columns.kernel + l,
                                      ((n * of.in_channels + out) * of.in_height + row - of.rows.before) *
                                              of.in_width +
                                          column - of.columns.before);
                            }
}

/// bias may be null.
template <class T>
void conv_transpose2d(kernels::conv2d_parameters const& of, T const* x, T const* weight, T const* bias,
                      T* y) {
    for (std::size_t i = 0; i < of.batch * of.in_channels * of.in_plane(); ++i)
        y[i] = bias == nullptr ? T{0} : bias[i / of.in_plane() % of.in_channels];
    for_each_transposed_product(of, [&](std::size_t at_x, std::size_t at_weight, std::size_t at_y) {
        y[at_y] += x[at_x] * weight[at_weight];
    });
}

template <class T>
void conv_transpose2d_backward(kernels::conv2d_parameters const& of, T const* grad_y, T const* weight,
                               T* grad_x) {
    std::fill_n(grad_x, of.batch * of.out_channels * of.out_plane(), T{0});
    for_each_transposed_product(of, [&](std::size_t at_x, std::size_t at_weight, std::size_t at_y) {
        grad_x[at_x] += grad_y[at_y] * weight[at_weight];
    });
}

/// grad_bias may be null.
template <class T>
void conv_transpose2d_backward_parameters(kernels::conv2d_parameters const& of, T const* x, T const* grad_y,
                                          T* grad_weight, T* grad_bias) {
    std::fill_n(grad_weight, of.out_channels * of.terms(), T{0});
    for_each_transposed_product(of, [&](std::size_t at_x, std::size_t at_weight, std::size_t at_y) {
        grad_weight[at_weight] += grad_y[at_y] * x[at_x];
    });
    if (grad_bias == nullptr)
        return;
    std::fill_n(grad_bias, of.in_channels, T{0});
    for (std::size_t i = 0; i < of.batch * of.in_channels * of.in_plane(); ++i)
        grad_bias[i / of.in_plane() % of.in_channels] += grad_y[i];
}

} // namespace hookcam::reference
