#pragma once

#include "../../tensor/device.hpp"
#include "../pool2d_parameters.hpp"
#include "adaptive_avg_pool2d_parameters.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::kernels {

/// The part of an axis of `in` elements that output `index` of `out` averages, PyTorch's formula:
/// from floor(index·in/out) to ceil((index + 1)·in/out).
[[nodiscard]] constexpr element_range adaptive_range(std::size_t index, std::size_t in,
                                                     std::size_t out) noexcept {
    return {index * in / out, ((index + 1) * in + out - 1) / out};
}

/// Calls `visit(rows, columns, divisor)` for every output element of a plane, in order.
template <class Visit>
void for_each_adaptive(adaptive_avg_pool2d_parameters const& of, Visit&& visit) {
    for (std::size_t i = 0; i < of.out_height; ++i) {
        auto const rows = adaptive_range(i, of.in_height, of.out_height);
        for (std::size_t j = 0; j < of.out_width; ++j) {
            auto const columns = adaptive_range(j, of.in_width, of.out_width);
            visit(rows, columns, (rows.end - rows.begin) * (columns.end - columns.begin));
        }
    }
}

/// y = the means of out_height × out_width parts of each plane.
template <class T>
void adaptive_avg_pool2d(cpu, adaptive_avg_pool2d_parameters const& of, T const* x, T* y) noexcept {
    for (std::size_t plane = 0; plane < of.planes; ++plane, x += of.in_height * of.in_width)
        for_each_adaptive(of, [&](element_range rows, element_range columns, std::size_t divisor) {
            T sum{0};
            for (std::size_t row = rows.begin; row < rows.end; ++row)
                for (std::size_t column = columns.begin; column < columns.end; ++column)
                    sum += x[row * of.in_width + column];
            *y++ = sum / static_cast<T>(divisor);
        });
}

/// Spreads each element of grad_y evenly over its part.
template <class T>
void adaptive_avg_pool2d_backward(cpu, adaptive_avg_pool2d_parameters const& of, T const* grad_y,
                                  T* grad_x) noexcept {
    std::fill_n(grad_x, of.planes * of.in_height * of.in_width, T{0});
    for (std::size_t plane = 0; plane < of.planes; ++plane, grad_x += of.in_height * of.in_width)
        for_each_adaptive(of, [&](element_range rows, element_range columns, std::size_t divisor) {
            T const share = *grad_y++ / static_cast<T>(divisor);
            for (std::size_t row = rows.begin; row < rows.end; ++row)
                for (std::size_t column = columns.begin; column < columns.end; ++column)
                    grad_x[row * of.in_width + column] += share;
        });
}

} // namespace hookcam::kernels
