#pragma once

#include "../pool2d_parameters.hpp"

#include <cstddef>
#include <vector>

namespace hookcam::reference {

/// Calls `visit(x_index, y_index, divisor)` for every element that a window sees.
/// An element of a window counts where it lies in the padded plane, or, without the padding, in the plane.
template <class Visit>
void for_each_averaged(kernels::pool2d_parameters const& of, Visit&& visit) {
    enum class place { plane, padding, beyond };
    auto const place_of = [](window const& w, std::size_t index, std::size_t tap, std::size_t input) {
        std::size_t const padded = index * w.stride + tap;
        if (padded >= w.before && padded < w.before + input)
            return place::plane;
        return padded < w.before + input + w.after ? place::padding : place::beyond;
    };
    for (std::size_t plane = 0; plane < of.planes; ++plane)
        for (std::size_t i = 0; i < of.out_height; ++i)
            for (std::size_t j = 0; j < of.out_width; ++j) {
                std::size_t divisor = 0;
                std::vector<std::size_t> seen;
                for (std::size_t k = 0; k < of.rows.kernel; ++k)
                    for (std::size_t l = 0; l < of.columns.kernel; ++l) {
                        auto const row = place_of(of.rows, i, k, of.in_height);
                        auto const column = place_of(of.columns, j, l, of.in_width);
                        if (row == place::beyond || column == place::beyond)
                            continue;
                        bool const is_padding = row == place::padding || column == place::padding;
                        if (!is_padding || of.count_padding)
                            ++divisor;
                        if (!is_padding)
                            seen.push_back((plane * of.in_height + i * of.rows.stride + k - of.rows.before) *
                                               of.in_width +
                                           j * of.columns.stride + l - of.columns.before);
                    }
                for (auto const at_x : seen)
                    visit(at_x, (plane * of.out_height + i) * of.out_width + j, divisor);
            }
}

/// y = the mean of each window.
template <class T>
void avg_pool2d(kernels::pool2d_parameters const& of, T const* x, T* y) {
    for (std::size_t i = 0; i < of.planes * of.out_plane(); ++i)
        y[i] = T{0};
    for_each_averaged(of, [&](std::size_t at_x, std::size_t at_y, std::size_t divisor) {
        y[at_y] += x[at_x] / static_cast<T>(divisor);
    });
}

/// Each element of a window gets its part of the window's gradient.
template <class T>
void avg_pool2d_backward(kernels::pool2d_parameters const& of, T const* grad_y, T* grad_x) {
    for (std::size_t i = 0; i < of.planes * of.in_plane(); ++i)
        grad_x[i] = T{0};
    for_each_averaged(of, [&](std::size_t at_x, std::size_t at_y, std::size_t divisor) {
        grad_x[at_x] += grad_y[at_y] / static_cast<T>(divisor);
    });
}

} // namespace hookcam::reference
