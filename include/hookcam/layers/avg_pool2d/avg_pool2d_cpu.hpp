#pragma once

#include "../../core/instruction_set.hpp"
#include "../../tensor/device.hpp"
#include "../pool2d_parameters.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// Calls `visit(rows, columns, divisor)` for every window of a plane, in the order of the output. With the
/// padding counted, the divisor is what of the window lies in the padded plane: with `ceil_mode` a last
/// window may reach out of that.
template <class Visit>
void for_each_average(pool2d_parameters const& of, Visit&& visit) {
    auto const counted = [&](window const& w, std::size_t index, std::size_t input, element_range seen) {
        if (!of.count_padding)
            return seen.end - seen.begin;
        std::size_t const begin = index * w.stride;
        return std::min(begin + w.kernel, w.before + input + w.after) - begin;
    };
    for (std::size_t i = 0; i < of.out_height; ++i) {
        auto const rows = seen_by(of.rows, i, of.in_height);
        std::size_t const height = counted(of.rows, i, of.in_height, rows);
        for (std::size_t j = 0; j < of.out_width; ++j) {
            auto const columns = seen_by(of.columns, j, of.in_width);
            visit(rows, columns, height * counted(of.columns, j, of.in_width, columns));
        }
    }
}

/// y = the mean of what each window sees.
template <class T>
void avg_pool2d(cpu, pool2d_parameters const& of, T const* x, T* y) noexcept {
    for (std::size_t plane = 0; plane < of.planes; ++plane, x += of.in_plane())
        for_each_average(of, [&](element_range rows, element_range columns, std::size_t divisor) {
            T sum{0};
            for (std::size_t row = rows.begin; row < rows.end; ++row)
                for (std::size_t column = columns.begin; column < columns.end; ++column)
                    sum += x[row * of.in_width + column];
            *y++ = sum / static_cast<T>(divisor);
        });
}

/// Spreads each element of grad_y evenly over what its window saw.
template <class T>
void avg_pool2d_backward(cpu, pool2d_parameters const& of, T const* grad_y, T* grad_x) noexcept {
    std::fill_n(grad_x, of.planes * of.in_plane(), T{0});
    for (std::size_t plane = 0; plane < of.planes; ++plane, grad_x += of.in_plane())
        for_each_average(of, [&](element_range rows, element_range columns, std::size_t divisor) {
            T const share = *grad_y++ / static_cast<T>(divisor);
            for (std::size_t row = rows.begin; row < rows.end; ++row)
                for (std::size_t column = columns.begin; column < columns.end; ++column)
                    grad_x[row * of.in_width + column] += share;
        });
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
