#pragma once

#include "../../core/instruction_set.hpp"
#include "../../tensor/blas.hpp"
#include "../../tensor/device.hpp"
#include "conv2d_parameters.hpp"
#include "im2col_cpu.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// True where the matrix of columns would be the image itself: a 1×1 window at every pixel.
[[nodiscard]] constexpr bool is_pointwise(conv2d_parameters const& of) noexcept {
    constexpr window every_pixel{};
    auto const same = [](window const& a, window const& b) {
        return a.kernel == b.kernel && a.stride == b.stride && a.before == b.before && a.after == b.after;
    };
    // A transposed convolution may add rows and columns behind, and then the sizes differ.
    return same(of.rows, every_pixel) && same(of.columns, every_pixel) && of.in_height == of.out_height &&
           of.in_width == of.out_width;
}

/// Output rows that are laid out at a time: as many as keep the matrix of columns in a core's own cache. A
/// size of the shape alone, so that the bits of a result never depend on who asks.
[[nodiscard]] constexpr std::size_t rows_at_a_time(conv2d_parameters const& of) noexcept {
    constexpr std::size_t elements = std::size_t{1} << 17;
    std::size_t const row = std::max<std::size_t>(1, of.terms() * of.out_width);
    return std::min(of.out_height, std::max<std::size_t>(1, elements / row));
}

/// Elements of scratch memory that the three functions below need.
[[nodiscard]] constexpr std::size_t conv2d_scratch(conv2d_parameters const& of) noexcept {
    return is_pointwise(of) ? 0 : of.terms() * rows_at_a_time(of) * of.out_width;
}

/// Calls `visit(image, group, band)` for all parts of a batch, in one fixed order.
template <class Visit>
void for_each_band(conv2d_parameters const& of, Visit&& visit) {
    std::size_t const step = is_pointwise(of) ? of.out_height : rows_at_a_time(of);
    for (std::size_t image = 0; image < of.batch; ++image)
        for (std::size_t group = 0; group < of.groups; ++group)
            for (std::size_t row = 0; row < of.out_height; row += step)
                visit(image, group, row_band{row, std::min(row + step, of.out_height)});
}

/// y = x * weight + bias, by im2col and a matrix product for each image and group, so that an image's bits do
/// not depend on its neighbours. bias may be null. This is the one place where a method is chosen for a
/// shape.
template <class T>
void conv2d(cpu, conv2d_parameters const& of, T const* x, T const* weight, T const* bias, T* y, T* scratch) {
    using detail::transposed;
    for_each_band(of, [&](std::size_t image, std::size_t group, row_band band) {
        std::size_t const pixels = (band.end - band.begin) * of.out_width;
        std::size_t const first = group * of.group_out();
        T const* columns = x + (image * of.in_channels + group * of.group_in()) * of.in_plane();
        if (!is_pointwise(of)) {
            im2col(of, band, columns, scratch);
            columns = scratch;
        }
        T* const out = y + (image * of.out_channels + first) * of.out_plane() + band.begin * of.out_width;
        for (std::size_t o = 0; bias != nullptr && o < of.group_out(); ++o)
            std::fill_n(out + o * of.out_plane(), pixels, bias[first + o]);
        T const* const weights = weight + first * of.terms();
        for (std::size_t k = 0; k < of.terms(); k += terms_at_a_time)
            detail::gemm(transposed::no, transposed::no, of.group_out(), pixels,
                         std::min(terms_at_a_time, of.terms() - k), weights + k, of.terms(),
                         columns + k * pixels, pixels, T(bias != nullptr || k != 0), out, of.out_plane());
    });
}

/// The gradient of the input from that of the output.
template <class T>
void conv2d_backward(cpu, conv2d_parameters const& of, T const* grad_y, T const* weight, T* grad_x,
                     T* scratch) {
    using detail::transposed;
    if (!is_pointwise(of))
        std::fill_n(grad_x, of.batch * of.in_channels * of.in_plane(), T{0});
    for_each_band(of, [&](std::size_t image, std::size_t group, row_band band) {
        std::size_t const pixels = (band.end - band.begin) * of.out_width;
        std::size_t const first = group * of.group_out();
        T const* const out =
            grad_y + (image * of.out_channels + first) * of.out_plane() + band.begin * of.out_width;
        T* const in = grad_x + (image * of.in_channels + group * of.group_in()) * of.in_plane();
        detail::gemm(transposed::yes, transposed::no, of.terms(), pixels, of.group_out(),
                     weight + first * of.terms(), of.terms(), out, of.out_plane(), T{0},
                     is_pointwise(of) ? in : scratch, pixels);
        if (!is_pointwise(of))
            add_col2im(of, band, scratch, in);
    });
}

/// The gradients of weight and bias, summed over the batch. grad_bias may be null.
template <class T>
void conv2d_backward_parameters(cpu, conv2d_parameters const& of, T const* x, T const* grad_y, T* grad_weight,
                                T* grad_bias, T* scratch) {
    using detail::transposed;
    std::fill_n(grad_weight, of.out_channels * of.terms(), T{0});
    for_each_band(of, [&](std::size_t image, std::size_t group, row_band band) {
        std::size_t const pixels = (band.end - band.begin) * of.out_width;
        std::size_t const first = group * of.group_out();
        T const* columns = x + (image * of.in_channels + group * of.group_in()) * of.in_plane();
        if (!is_pointwise(of)) {
            im2col(of, band, columns, scratch);
            columns = scratch;
        }
        T const* const out =
            grad_y + (image * of.out_channels + first) * of.out_plane() + band.begin * of.out_width;
        detail::gemm(transposed::no, transposed::yes, of.group_out(), of.terms(), pixels, out, of.out_plane(),
                     columns, pixels, T{1}, grad_weight + first * of.terms(), of.terms());
    });
    if (grad_bias == nullptr)
        return;
    std::fill_n(grad_bias, of.out_channels, T{0});
    for (std::size_t image = 0; image < of.batch; ++image)
        for (std::size_t o = 0; o < of.out_channels; ++o) {
            T const* const plane = grad_y + (image * of.out_channels + o) * of.out_plane();
            T sum{0};
            for (std::size_t i = 0; i < of.out_plane(); ++i)
                sum += plane[i];
            grad_bias[o] += sum;
        }
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
