#pragma once

#include "../pool2d_parameters.hpp"

#include <cmath>
#include <cstddef>

namespace hookcam::reference {

/// Calls `visit(x_index, y_index, count)` for every element of every part, which has so many: row r belongs to
/// output row i where floor(i·in/out) ≤ r < ceil((i + 1)·in/out), and so for columns.
template <class Visit>
void for_each_in_part(kernels::pool2d_sizes const& of, Visit&& visit) {
    auto const from = [](std::size_t index, std::size_t in, std::size_t out) {
        return static_cast<std::size_t>(
            std::floor(static_cast<double>(index * in) / static_cast<double>(out)));
    };
    auto const to = [](std::size_t index, std::size_t in, std::size_t out) {
        return static_cast<std::size_t>(
            std::ceil(static_cast<double>((index + 1) * in) / static_cast<double>(out)));
    };
    for (std::size_t plane = 0; plane < of.planes; ++plane)
        for (std::size_t i = 0; i < of.out_height; ++i)
            for (std::size_t j = 0; j < of.out_width; ++j) {
                std::size_t const top = from(i, of.in_height, of.out_height);
                std::size_t const bottom = to(i, of.in_height, of.out_height);
                std::size_t const left = from(j, of.in_width, of.out_width);
                std::size_t const right = to(j, of.in_width, of.out_width);
                for (std::size_t row = top; row < bottom; ++row)
                    for (std::size_t column = left; column < right; ++column)
                        visit((plane * of.in_height + row) * of.in_width + column,
                              (plane * of.out_height + i) * of.out_width + j,
                              (bottom - top) * (right - left));
            }
}

/// y = the mean of each part.
template <class T>
void adaptive_avg_pool2d(kernels::pool2d_sizes const& of, T const* x, T* y) {
    for (std::size_t i = 0; i < of.planes * of.out_height * of.out_width; ++i)
        y[i] = T{0};
    for_each_in_part(of, [&](std::size_t at_x, std::size_t at_y, std::size_t divisor) {
        y[at_y] += x[at_x] / static_cast<T>(divisor);
    });
}

/// Each element of a part gets its part of the gradient.
template <class T>
void adaptive_avg_pool2d_backward(kernels::pool2d_sizes const& of, T const* grad_y, T* grad_x) {
    for (std::size_t i = 0; i < of.planes * of.in_height * of.in_width; ++i)
        grad_x[i] = T{0};
    for_each_in_part(of, [&](std::size_t at_x, std::size_t at_y, std::size_t divisor) {
        grad_x[at_x] += grad_y[at_y] / static_cast<T>(divisor);
    });
}

} // namespace hookcam::reference
