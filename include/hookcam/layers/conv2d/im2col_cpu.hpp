#pragma once

#include "../../core/instruction_set.hpp"
#include "conv2d_parameters.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// Consecutive output rows of one image, from `begin` to `end`.
struct row_band {
    std::size_t begin = 0;
    std::size_t end = 0;
};

/// Calls `visit(column_row, out_row, in_row, at, first, last)` for every row of pixels that im2col moves: in
/// the matrix of columns, `terms()` × band pixels, the row `column_row` holds one element of the window for
/// every output pixel. The output columns first to last see the input row `in_row` from its column `at`, in
/// steps of the stride; those beside them see padding. A row wholly in the padding has first = last.
template <class Visit>
void for_each_row(conv2d_parameters const& of, row_band band, Visit&& visit) {
    auto const steps = [](std::size_t distance, std::size_t stride) {
        return (distance + stride - 1) / stride;
    };
    std::size_t column_row = 0;
    for (std::size_t channel = 0; channel < of.group_in(); ++channel)
        for (std::size_t ky = 0; ky < of.rows.kernel; ++ky)
            for (std::size_t kx = 0; kx < of.columns.kernel; ++kx, ++column_row) {
                // Positions are counted in the padded image, where they are never negative.
                std::size_t const shift = kx * of.columns.dilation;
                std::size_t const left = of.columns.before;
                std::size_t const right = left + of.in_width;
                std::size_t const last =
                    shift < right ? std::min(of.out_width, steps(right - shift, of.columns.stride)) : 0;
                std::size_t const first =
                    shift < left ? std::min(last, steps(left - shift, of.columns.stride)) : 0;
                for (std::size_t y = band.begin; y < band.end; ++y) {
                    std::size_t const padded = y * of.rows.stride + ky * of.rows.dilation;
                    bool const inside = padded >= of.rows.before && padded < of.rows.before + of.in_height;
                    if (inside && first < last)
                        visit(column_row, y, channel * of.in_height + padded - of.rows.before,
                              first * of.columns.stride + shift - left, first, last);
                    else
                        visit(column_row, y, std::size_t{0}, std::size_t{0}, std::size_t{0}, std::size_t{0});
                }
            }
}

/// Lays out, for one group's channels `x` of one image, what each output pixel of the band sees.
template <class T>
void im2col(conv2d_parameters const& of, row_band band, T const* x, T* columns) {
    std::size_t const pixels = (band.end - band.begin) * of.out_width;
    for_each_row(of, band,
                 [&](std::size_t column_row, std::size_t out_row, std::size_t in_row, std::size_t at,
                     std::size_t first, std::size_t last) {
                     T* const to = columns + column_row * pixels + (out_row - band.begin) * of.out_width;
                     T const* const from = x + in_row * of.in_width + at;
                     std::fill(to, to + first, T{0});
                     if (of.columns.stride == 1)
                         std::copy_n(from, last - first, to + first);
                     else
                         for (std::size_t i = first; i < last; ++i)
                             to[i] = from[(i - first) * of.columns.stride];
                     std::fill(to + last, to + of.out_width, T{0});
                 });
}

/// The transpose of im2col: adds each element of `columns` to the pixel of `x` that it came from.
template <class T>
void add_col2im(conv2d_parameters const& of, row_band band, T const* columns, T* x) {
    std::size_t const pixels = (band.end - band.begin) * of.out_width;
    for_each_row(of, band,
                 [&](std::size_t column_row, std::size_t out_row, std::size_t in_row, std::size_t at,
                     std::size_t first, std::size_t last) {
                     T const* const from =
                         columns + column_row * pixels + (out_row - band.begin) * of.out_width;
                     T* const to = x + in_row * of.in_width + at;
                     for (std::size_t i = first; i < last; ++i)
                         to[(i - first) * of.columns.stride] += from[i];
                 });
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
