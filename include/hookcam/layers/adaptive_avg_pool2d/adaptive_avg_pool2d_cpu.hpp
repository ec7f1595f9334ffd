#pragma once

#include "../../core/instruction_set.hpp"
#include "../../tensor/device.hpp"
#include "../pool2d_parameters.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// y = the means of out_height × out_width parts of each plane.
template <class T>
void adaptive_avg_pool2d(cpu, pool2d_sizes const& of, T const* x, T* y) noexcept {
    for (std::size_t plane = 0; plane < of.planes; ++plane, x += of.in_plane())
        for_each_part(of, [&](element_range rows, element_range columns) {
            T sum{0};
            for (std::size_t row = rows.begin; row < rows.end; ++row)
                for (std::size_t column = columns.begin; column < columns.end; ++column)
                    sum += x[row * of.in_width + column];
            *y++ = sum / static_cast<T>(rows.size() * columns.size());
        });
}

/// Spreads each element of grad_y evenly over its part.
template <class T>
void adaptive_avg_pool2d_backward(cpu, pool2d_sizes const& of, T const* grad_y, T* grad_x) noexcept {
    std::fill_n(grad_x, of.planes * of.in_plane(), T{0});
    for (std::size_t plane = 0; plane < of.planes; ++plane, grad_x += of.in_plane())
        for_each_part(of, [&](element_range rows, element_range columns) {
            T const share = *grad_y++ / static_cast<T>(rows.size() * columns.size());
            for (std::size_t row = rows.begin; row < rows.end; ++row)
                for (std::size_t column = columns.begin; column < columns.end; ++column)
                    grad_x[row * of.in_width + column] += share;
        });
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
