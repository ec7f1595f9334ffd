#pragma once

#include "pad_shortcut_parameters.hpp"

#include <cstddef>

namespace hookcam::reference {

/// Calls `visit(x_index, y_index, kept)` for every output element; kept is false in the channels of zeros.
template <class Visit>
void for_each_of_shortcut(kernels::pad_shortcut_parameters const& of, Visit&& visit) {
    for (std::size_t n = 0; n < of.batch; ++n)
        for (std::size_t o = 0; o < of.out_channels; ++o)
            for (std::size_t i = 0; i < of.out_height; ++i)
                for (std::size_t j = 0; j < of.out_width; ++j) {
                    bool const kept = o >= of.channels_before() && o < of.channels_before() + of.in_channels;
                    std::size_t const channel = kept ? o - of.channels_before() : 0;
                    visit(((n * of.in_channels + channel) * of.in_height + i * of.row_stride) * of.in_width +
                              j * of.column_stride,
                          ((n * of.out_channels + o) * of.out_height + i) * of.out_width + j, kept);
                }
}

/// y[n,o,i,j] = x[n, o − before, i·stride, j·stride], or zero where there is no such channel.
template <class T>
void pad_shortcut(kernels::pad_shortcut_parameters const& of, T const* x, T* y) {
    for_each_of_shortcut(
        of, [&](std::size_t at_x, std::size_t at_y, bool kept) { y[at_y] = kept ? x[at_x] : T{0}; });
}

/// Each kept pixel gets its gradient, the others zero.
template <class T>
void pad_shortcut_backward(kernels::pad_shortcut_parameters const& of, T const* grad_y, T* grad_x) {
    for (std::size_t i = 0; i < of.batch * of.in_channels * of.in_height * of.in_width; ++i)
        grad_x[i] = T{0};
    for_each_of_shortcut(of, [&](std::size_t at_x, std::size_t at_y, bool kept) {
        if (kept)
            grad_x[at_x] += grad_y[at_y];
    });
}

} // namespace hookcam::reference
