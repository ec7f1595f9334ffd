#pragma once

#include "zero_pad2d_parameters.hpp"

#include <cstddef>

namespace hookcam::reference {

/// Calls `visit(x_index, y_index, inside)` for every output element; inside is false in the borders.
template <class Visit>
void for_each_padded(kernels::zero_pad2d_parameters const& of, Visit&& visit) {
    for (std::size_t plane = 0; plane < of.planes; ++plane)
        for (std::size_t i = 0; i < of.out_height; ++i)
            for (std::size_t j = 0; j < of.out_width; ++j) {
                bool const inside =
                    i >= of.top && i < of.top + of.in_height && j >= of.left && j < of.left + of.in_width;
                visit((plane * of.in_height + i - of.top) * of.in_width + j - of.left,
                      (plane * of.out_height + i) * of.out_width + j, inside);
            }
}

/// y[i, j] = x[i − top, j − left], or zero where there is no such element.
template <class T>
void zero_pad2d(kernels::zero_pad2d_parameters const& of, T const* x, T* y) {
    for_each_padded(
        of, [&](std::size_t at_x, std::size_t at_y, bool inside) { y[at_y] = inside ? x[at_x] : T{0}; });
}

/// Each element gets the gradient of where it went.
template <class T>
void zero_pad2d_backward(kernels::zero_pad2d_parameters const& of, T const* grad_y, T* grad_x) {
    for_each_padded(of, [&](std::size_t at_x, std::size_t at_y, bool inside) {
        if (inside)
            grad_x[at_x] = grad_y[at_y];
    });
}

} // namespace hookcam::reference
