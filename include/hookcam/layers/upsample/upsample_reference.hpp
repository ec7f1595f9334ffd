#pragma once

#include "upsample_parameters.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace hookcam::reference {

/// Calls `visit(x_index, y_index, weight)` for every pair of elements of which one enters the other: weights are
/// tents around the source's place, which is held inside the image, or one for the pixel whose square it is in.
template <class Visit>
void for_each_share(kernels::upsample_parameters const& of, bool is_bilinear, Visit&& visit) {
    auto const weight = [&](std::size_t output, std::size_t input, std::size_t size) {
        double const place = (static_cast<double>(output) + 0.5) / static_cast<double>(of.scale) - 0.5;
        if (!is_bilinear)
            return std::floor(place + 0.5) == static_cast<double>(input) ? 1.0 : 0.0;
        double const held = std::clamp(place, 0.0, static_cast<double>(size - 1));
        return std::max(0.0, 1.0 - std::abs(held - static_cast<double>(input)));
    };
    for (std::size_t plane = 0; plane < of.planes; ++plane)
        for (std::size_t i = 0; i < of.out_height(); ++i)
            for (std::size_t j = 0; j < of.out_width(); ++j)
                for (std::size_t row = 0; row < of.in_height; ++row)
                    for (std::size_t column = 0; column < of.in_width; ++column)
                        visit((plane * of.in_height + row) * of.in_width + column,
                              (plane * of.out_height() + i) * of.out_width() + j,
                              weight(i, row, of.in_height) * weight(j, column, of.in_width));
}

/// y = Σ weight·x.
template <class T>
void upsample(kernels::upsample_parameters const& of, bool is_bilinear, T const* x, T* y) {
    std::fill_n(y, of.planes * of.out_height() * of.out_width(), T{0});
    for_each_share(of, is_bilinear, [&](std::size_t at_x, std::size_t at_y, double weight) {
        y[at_y] += static_cast<T>(weight) * x[at_x];
    });
}

/// grad_x = Σ weight·grad_y.
template <class T>
void upsample_backward(kernels::upsample_parameters const& of, bool is_bilinear, T const* grad_y, T* grad_x) {
    std::fill_n(grad_x, of.planes * of.in_height * of.in_width, T{0});
    for_each_share(of, is_bilinear, [&](std::size_t at_x, std::size_t at_y, double weight) {
        grad_x[at_x] += static_cast<T>(weight) * grad_y[at_y];
    });
}

} // namespace hookcam::reference
