#pragma once

#include "../../core/instruction_set.hpp"
#include "../../tensor/device.hpp"
#include "zero_pad2d_parameters.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// Calls `visit(x_index, y_index)` for the first element of every row of the input.
template <class Visit>
void for_each_padded_row(zero_pad2d_parameters const& of, Visit&& visit) {
    for (std::size_t plane = 0; plane < of.planes; ++plane)
        for (std::size_t row = 0; row < of.in_height; ++row)
            visit((plane * of.in_height + row) * of.in_width,
                  (plane * of.out_height + of.top + row) * of.out_width + of.left);
}

/// y = x amid zeros.
template <class T>
void zero_pad2d(cpu, zero_pad2d_parameters const& of, T const* x, T* y) noexcept {
    std::fill_n(y, of.planes * of.out_height * of.out_width, T{0});
    for_each_padded_row(
        of, [&](std::size_t at_x, std::size_t at_y) { std::copy_n(x + at_x, of.in_width, y + at_y); });
}

/// grad_x = grad_y without its borders.
template <class T>
void zero_pad2d_backward(cpu, zero_pad2d_parameters const& of, T const* grad_y, T* grad_x) noexcept {
    for_each_padded_row(of, [&](std::size_t at_x, std::size_t at_y) {
        std::copy_n(grad_y + at_y, of.in_width, grad_x + at_x);
    });
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
