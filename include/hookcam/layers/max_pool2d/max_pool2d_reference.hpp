#pragma once

#include "../pool2d_parameters.hpp"

#include <cmath>
#include <cstddef>
#include <limits>

namespace hookcam::reference {

/// Calls `visit(x_index, y_index)` for every element that a window sees, window by window.
template <class Visit>
void for_each_seen(kernels::pool2d_parameters const& of, Visit&& visit) {
    for (std::size_t plane = 0; plane < of.planes; ++plane)
        for (std::size_t i = 0; i < of.out_height; ++i)
            for (std::size_t j = 0; j < of.out_width; ++j)
                for (std::size_t k = 0; k < of.rows.kernel; ++k)
                    for (std::size_t l = 0; l < of.columns.kernel; ++l) {
                        auto const row =
                            static_cast<std::ptrdiff_t>(i * of.rows.stride + k * of.rows.dilation) -
                            static_cast<std::ptrdiff_t>(of.rows.before);
                        auto const column =
                            static_cast<std::ptrdiff_t>(j * of.columns.stride + l * of.columns.dilation) -
                            static_cast<std::ptrdiff_t>(of.columns.before);
                        if (row < 0 || row >= static_cast<std::ptrdiff_t>(of.in_height))
                            continue;
                        if (column < 0 || column >= static_cast<std::ptrdiff_t>(of.in_width))
                            continue;
                        visit((plane * of.in_height + static_cast<std::size_t>(row)) * of.in_width +
                                  static_cast<std::size_t>(column),
                              (plane * of.out_height + i) * of.out_width + j);
                    }
}

/// y = the largest element that each window sees; NaN is larger than all.
template <class T>
void max_pool2d(kernels::pool2d_parameters const& of, T const* x, T* y) {
    for (std::size_t i = 0; i < of.planes * of.out_plane(); ++i)
        y[i] = -std::numeric_limits<T>::infinity();
    for_each_seen(of, [&](std::size_t at_x, std::size_t at_y) {
        if (x[at_x] > y[at_y] || std::isnan(x[at_x]))
            y[at_y] = x[at_x];
    });
}

/// Each gradient goes to the first element that equals its window's largest. For inputs without NaN.
template <class T>
void max_pool2d_backward(kernels::pool2d_parameters const& of, T const* x, T const* y, T const* grad_y,
                         T* grad_x) {
    for (std::size_t i = 0; i < of.planes * of.in_plane(); ++i)
        grad_x[i] = T{0};
    std::size_t next = 0; // windows before this one have given their gradient
    for_each_seen(of, [&](std::size_t at_x, std::size_t at_y) {
        if (at_y < next || x[at_x] != y[at_y])
            return;
        grad_x[at_x] += grad_y[at_y];
        next = at_y + 1;
    });
}

} // namespace hookcam::reference
