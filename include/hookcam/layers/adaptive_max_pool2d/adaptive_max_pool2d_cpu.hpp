#pragma once

#include "../../core/instruction_set.hpp"
#include "../max_pool2d/max_pool2d_cpu.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// y = the largest elements of out_height × out_width parts of each plane, and in `chosen`, where it is not
/// null, their indices in their planes: chosen as by `max_pool2d`.
template <class T>
void adaptive_max_pool2d(cpu, pool2d_sizes const& of, T const* x, T* y, std::int32_t* chosen) noexcept {
    for (std::size_t plane = 0; plane < of.planes; ++plane, x += of.in_plane())
        for_each_part(of, [&](element_range rows, element_range columns) {
            std::size_t at = rows.begin * of.in_width + columns.begin;
            for (std::size_t row = rows.begin; row < rows.end; ++row)
                for (std::size_t column = columns.begin; column < columns.end; ++column) {
                    std::size_t const here = row * of.in_width + column;
                    if (x[here] > x[at] || std::isnan(x[here]))
                        at = here;
                }
            *y++ = x[at];
            if (chosen != nullptr)
                *chosen++ = static_cast<std::int32_t>(at);
        });
}

/// Adds each element of grad_y to the element of grad_x that was chosen for it.
template <class T>
void adaptive_max_pool2d_backward(cpu device, pool2d_sizes const& of, std::int32_t const* chosen,
                                  T const* grad_y, T* grad_x) noexcept {
    max_pool2d_backward(device, of, chosen, grad_y, grad_x);
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
