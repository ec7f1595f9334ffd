#pragma once

#include "../../core/instruction_set.hpp"
#include "../../tensor/device.hpp"
#include "../pool2d_parameters.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// Marks a window that sees nothing but padding.
inline constexpr std::int32_t no_element = -1;

/// y = the largest element that each window sees, and in `chosen`, where it is not null, its index in its
/// plane. The first of equals is chosen. NaN is larger than all, and the last NaN is chosen, as in PyTorch.
template <class T>
void max_pool2d(cpu, pool2d_parameters const& of, T const* x, T* y, std::int32_t* chosen) noexcept {
    for (std::size_t plane = 0; plane < of.planes; ++plane, x += of.in_plane())
        for (std::size_t i = 0; i < of.out_height; ++i) {
            auto const rows = seen_by(of.rows, i, of.in_height);
            for (std::size_t j = 0; j < of.out_width; ++j) {
                auto const columns = seen_by(of.columns, j, of.in_width);
                bool const is_empty = rows.begin == rows.end || columns.begin == columns.end;
                T largest = -std::numeric_limits<T>::infinity();
                std::size_t at = rows.begin * of.in_width + columns.begin;
                for (std::size_t row = rows.begin; row < rows.end; row += of.rows.dilation)
                    for (std::size_t column = columns.begin; column < columns.end;
                         column += of.columns.dilation) {
                        // Without a branch: which one is the largest, nobody can predict.
                        std::size_t const here = row * of.in_width + column;
                        T const seen = x[here];
                        bool const is_larger = (seen > largest) | (seen != seen);
                        largest = is_larger ? seen : largest;
                        at = is_larger ? here : at;
                    }
                *y++ = largest;
                if (chosen != nullptr)
                    *chosen++ = is_empty ? no_element : static_cast<std::int32_t>(at);
            }
        }
}

/// Adds each element of grad_y to the element of grad_x that was chosen for it.
template <class T>
void max_pool2d_backward(cpu, pool2d_sizes const& of, std::int32_t const* chosen, T const* grad_y,
                         T* grad_x) noexcept {
    std::fill_n(grad_x, of.planes * of.in_plane(), T{0});
    for (std::size_t plane = 0; plane < of.planes; ++plane, grad_x += of.in_plane())
        for (std::size_t i = 0; i < of.out_plane(); ++i, ++chosen, ++grad_y)
            if (*chosen != no_element)
                grad_x[*chosen] += *grad_y;
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
