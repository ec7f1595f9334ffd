#pragma once

#include "../../tensor/device.hpp"
#include "../pool2d_cuda.hpp"
#include "upsample_parameters.hpp"

#include <cstddef>

namespace hookcam::kernels {

/// Its sizes, for a kernel.
[[nodiscard]] inline pool2d_cuda_sizes upsample_cuda_sizes(upsample_parameters const& of) {
    return pool2d_cuda_sizes{
        pool2d_sizes{of.planes, of.in_height, of.in_width, of.out_height(), of.out_width()}};
}

/// The nearest pixel.
struct upsample_nearest_element {
    static constexpr char const* name = "upsample_nearest";
    pool2d_cuda_sizes of;
    detail::fast_divisor by_scale;
    float const* x;
    float* y;

    HOOKCAM_DEVICE void operator()(std::size_t index) const {
        auto const at = cuda_pixel_of(index, of.by_out_plane, of.by_out_width);
        unsigned const row = by_scale.quotient(static_cast<unsigned>(at.row));
        unsigned const column = by_scale.quotient(static_cast<unsigned>(at.column));
        y[index] = x[std::size_t{at.plane} * of.by_in_plane.divisor + row * of.by_in_width.divisor + column];
    }
};

/// The gradient of a pixel: of all that repeat it.
struct upsample_nearest_backward_element {
    static constexpr char const* name = "upsample_nearest_backward";
    pool2d_cuda_sizes of;
    int scale;
    float const* grad_y;
    float* grad_x;

    HOOKCAM_DEVICE void operator()(std::size_t index) const {
        auto const at = cuda_pixel_of(index, of.by_in_plane, of.by_in_width);
        float const* const plane = grad_y + std::size_t{at.plane} * of.by_out_plane.divisor;
        float sum = 0.0f;
        for (int i = at.row * scale; i < (at.row + 1) * scale; ++i)
            for (int j = at.column * scale; j < (at.column + 1) * scale; ++j)
                sum += plane[i * of.out_width + j];
        grad_x[index] = sum;
    }
};

/// Two neighbours along an axis, and the share of the second, for a kernel.
struct cuda_between {
    int first;
    int second;
    float share;
};

/// As `source_of_pixel`.
[[nodiscard]] HOOKCAM_DEVICE inline cuda_between
cuda_source_of_pixel(int index, int size, detail::fast_divisor const& by_twice_scale) {
    auto const twice_scale = static_cast<int>(by_twice_scale.divisor);
    int const above = 2 * index + 1 - twice_scale / 2;
    if (above <= 0)
        return {0, size > 1 ? 1 : 0, 0.0f};
    auto const first = static_cast<int>(by_twice_scale.quotient(static_cast<unsigned>(above)));
    return {first, first + 1 < size ? first + 1 : size - 1,
            static_cast<float>(above - first * twice_scale) / static_cast<float>(twice_scale)};
}

/// The mean of the four nearest pixels, by their distance.
struct upsample_bilinear_element {
    static constexpr char const* name = "upsample_bilinear";
    pool2d_cuda_sizes of;
    detail::fast_divisor by_twice_scale;
    float const* x;
    float* y;

    HOOKCAM_DEVICE void operator()(std::size_t index) const {
        auto const at = cuda_pixel_of(index, of.by_out_plane, of.by_out_width);
        auto const rows = cuda_source_of_pixel(at.row, of.in_height, by_twice_scale);
        auto const columns = cuda_source_of_pixel(at.column, of.in_width, by_twice_scale);
        float const* const plane = x + std::size_t{at.plane} * of.by_in_plane.divisor;
        float const* const upper = plane + rows.first * of.in_width;
        float const* const lower = plane + rows.second * of.in_width;
        float const left = 1.0f - columns.share;
        y[index] =
            (1.0f - rows.share) * (left * upper[columns.first] + columns.share * upper[columns.second]) +
            rows.share * (left * lower[columns.first] + columns.share * lower[columns.second]);
    }
};

/// The gradient of a pixel: its share of all that are made of it.
struct upsample_bilinear_backward_element {
    static constexpr char const* name = "upsample_bilinear_backward";
    pool2d_cuda_sizes of;
    detail::fast_divisor by_twice_scale;
    float const* grad_y;
    float* grad_x;

    HOOKCAM_DEVICE void operator()(std::size_t index) const {
        auto const at = cuda_pixel_of(index, of.by_in_plane, of.by_in_width);
        auto const scale = static_cast<int>(by_twice_scale.divisor / 2);
        float const* const plane = grad_y + std::size_t{at.plane} * of.by_out_plane.divisor;
        auto const rows = made_of(at.row, scale, of.out_height);
        auto const columns = made_of(at.column, scale, of.out_width);
        float sum = 0.0f;
        for (int i = rows.begin; i < rows.end; ++i) {
            float in_row = 0.0f;
            for (int j = columns.begin; j < columns.end; ++j)
                in_row += share_of(at.column, j, of.in_width) * plane[i * of.out_width + j];
            sum += share_of(at.row, i, of.in_height) * in_row;
        }
        grad_x[index] = sum;
    }

private:
    /// The outputs that an input may have a share of.
    [[nodiscard]] HOOKCAM_DEVICE static cuda_range made_of(int input, int scale, int out) {
        int const begin = (input - 1) * scale + scale / 2;
        int const end = (input + 1) * scale + scale / 2;
        return {begin < 0 ? 0 : begin, end < out ? end : out};
    }
    [[nodiscard]] HOOKCAM_DEVICE float share_of(int input, int index, int size) const {
        auto const from = cuda_source_of_pixel(index, size, by_twice_scale);
        return (from.first == input ? 1.0f - from.share : 0.0f) + (from.second == input ? from.share : 0.0f);
    }
};

/// y[i, j] = x[i/scale, j/scale].
template <detail::a_gpu Device>
void upsample_nearest(Device const& on, upsample_parameters const& of, float const* x, float* y) {
    for_each_element(on, of.planes * of.out_height() * of.out_width(),
                     upsample_nearest_element{upsample_cuda_sizes(of), detail::fast_divisor{of.scale}, x, y});
}

/// grad_x = the sum of grad_y over the pixels that repeat one.
template <detail::a_gpu Device>
void upsample_nearest_backward(Device const& on, upsample_parameters const& of, float const* grad_y,
                               float* grad_x) {
    for_each_element(on, of.planes * of.in_height * of.in_width,
                     upsample_nearest_backward_element{upsample_cuda_sizes(of),
                                                       static_cast<int>(detail::narrow(of.scale)), grad_y,
                                                       grad_x});
}

/// y = the mean of the four nearest pixels, by their distance.
template <detail::a_gpu Device>
void upsample_bilinear(Device const& on, upsample_parameters const& of, float const* x, float* y) {
    for_each_element(
        on, of.planes * of.out_height() * of.out_width(),
        upsample_bilinear_element{upsample_cuda_sizes(of), detail::fast_divisor{2 * of.scale}, x, y});
}

/// Each of the four gets its share of the gradient.
template <detail::a_gpu Device>
void upsample_bilinear_backward(Device const& on, upsample_parameters const& of, float const* grad_y,
                                float* grad_x) {
    for_each_element(on, of.planes * of.in_height * of.in_width,
                     upsample_bilinear_backward_element{upsample_cuda_sizes(of),
                                                        detail::fast_divisor{2 * of.scale}, grad_y, grad_x});
}

} // namespace hookcam::kernels
