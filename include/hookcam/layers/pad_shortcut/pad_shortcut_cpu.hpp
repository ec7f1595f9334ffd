#pragma once

#include "../../core/instruction_set.hpp"
#include "../../tensor/device.hpp"
#include "pad_shortcut_parameters.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// Calls `visit(x_index, y_index)` for every pixel that is kept.
template <class Visit>
void for_each_kept(pad_shortcut_parameters const& of, Visit&& visit) {
    for (std::size_t n = 0; n < of.batch; ++n)
        for (std::size_t c = 0; c < of.in_channels; ++c)
            for (std::size_t i = 0; i < of.out_height; ++i) {
                std::size_t const from =
                    ((n * of.in_channels + c) * of.in_height + i * of.row_stride) * of.in_width;
                std::size_t const to =
                    ((n * of.out_channels + of.channels_before() + c) * of.out_height + i) * of.out_width;
                for (std::size_t j = 0; j < of.out_width; ++j)
                    visit(from + j * of.column_stride, to + j);
            }
}

/// y = the kept pixels of x between channels of zeros.
template <class T>
void pad_shortcut(cpu, pad_shortcut_parameters const& of, T const* x, T* y) noexcept {
    std::fill_n(y, of.batch * of.out_channels * of.out_height * of.out_width, T{0});
    for_each_kept(of, [=](std::size_t at_x, std::size_t at_y) { y[at_y] = x[at_x]; });
}

/// grad_x = grad_y at the kept pixels, zero at the others.
template <class T>
void pad_shortcut_backward(cpu, pad_shortcut_parameters const& of, T const* grad_y, T* grad_x) noexcept {
    std::fill_n(grad_x, of.batch * of.in_channels * of.in_height * of.in_width, T{0});
    for_each_kept(of, [=](std::size_t at_x, std::size_t at_y) { grad_x[at_x] = grad_y[at_y]; });
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
