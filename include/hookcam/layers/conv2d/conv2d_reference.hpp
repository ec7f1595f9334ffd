#pragma once

#include "conv2d_parameters.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::reference {

/// Calls `visit(x_index, weight_index, y_index)` for every product of a convolution, straight from its
/// formula: y[n,o,i,j] = bias[o] + Σ weight[o,c,k,l] · x[n, c', i·stride + k·dilation − padding, …], c' in
/// the group of o.
template <class Visit>
void for_each_product(kernels::conv2d_parameters const& of, Visit&& visit) {
    auto const position = [](window const& w, std::size_t output, std::size_t tap) {
        return static_cast<std::ptrdiff_t>(output * w.stride + tap * w.dilation) -
               static_cast<std::ptrdiff_t>(w.before);
    };
    auto const is_inside = [](std::ptrdiff_t at, std::size_t size) {
        return at >= 0 && at < static_cast<std::ptrdiff_t>(size);
    };
    for (std::size_t n = 0; n < of.batch; ++n)
        for (std::size_t o = 0; o < of.out_channels; ++o)
            for (std::size_t i = 0; i < of.out_height; ++i)
                for (std::size_t j = 0; j < of.out_width; ++j)
                    for (std::size_t c = 0; c < of.group_in(); ++c)
                        for (std::size_t k = 0; k < of.rows.kernel; ++k)
                            for (std::size_t l = 0; l < of.columns.kernel; ++l) {
                                auto const row = position(of.rows, i, k);
                                auto const column = position(of.columns, j, l);
                                if (!is_inside(row, of.in_height) || !is_inside(column, of.in_width))
                                    continue;
                                auto const channel = o / of.group_out() * of.group_in() + c;
                                visit(((n * of.in_channels + channel) * of.in_height +
                                       static_cast<std::size_t>(row)) *
                                              of.in_width +
                                          static_cast<std::size_t>(column),
                                      ((o * of.group_in() + c) * of.rows.kernel + k) * of.columns.kernel + l,
                                      ((n * of.out_channels + o) * of.out_height + i) * of.out_width + j);
                            }
}

/// y = x * weight + bias; bias may be null.
template <class T>
void conv2d(kernels::conv2d_parameters const& of, T const* x, T const* weight, T const* bias, T* y) {
    for (std::size_t i = 0; i < of.batch * of.out_channels * of.out_plane(); ++i)
        y[i] = bias == nullptr ? T{0} : bias[i / of.out_plane() % of.out_channels];
    for_each_product(of, [&](std::size_t at_x, std::size_t at_weight, std::size_t at_y) {
        y[at_y] += x[at_x] * weight[at_weight];
    });
}

/// grad_x from grad_y.
template <class T>
void conv2d_backward(kernels::conv2d_parameters const& of, T const* grad_y, T const* weight, T* grad_x) {
    std::fill_n(grad_x, of.batch * of.in_channels * of.in_plane(), T{0});
    for_each_product(of, [&](std::size_t at_x, std::size_t at_weight, std::size_t at_y) {
        grad_x[at_x] += grad_y[at_y] * weight[at_weight];
    });
}

/// grad_weight and grad_bias from x and grad_y; grad_bias may be null.
template <class T>
void conv2d_backward_parameters(kernels::conv2d_parameters const& of, T const* x, T const* grad_y,
                                T* grad_weight, T* grad_bias) {
    std::fill_n(grad_weight, of.out_channels * of.terms(), T{0});
    for_each_product(of, [&](std::size_t at_x, std::size_t at_weight, std::size_t at_y) {
        grad_weight[at_weight] += grad_y[at_y] * x[at_x];
    });
    if (grad_bias == nullptr)
        return;
    std::fill_n(grad_bias, of.out_channels, T{0});
    for (std::size_t i = 0; i < of.batch * of.out_channels * of.out_plane(); ++i)
        grad_bias[i / of.out_plane() % of.out_channels] += grad_y[i];
}

} // namespace hookcam::reference
