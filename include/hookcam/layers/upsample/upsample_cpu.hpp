#pragma once

#include "../../core/instruction_set.hpp"
#include "../../tensor/device.hpp"
#include "upsample_parameters.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// y[i, j] = x[i/scale, j/scale].
template <class T>
void upsample_nearest(cpu, upsample_parameters const& of, T const* x, T* y) noexcept {
    for (std::size_t row = 0; row < of.planes * of.in_height; ++row, x += of.in_width) {
        T const* const first = y;
        for (std::size_t j = 0; j < of.in_width; ++j, y += of.scale)
            std::fill_n(y, of.scale, x[j]);
        for (std::size_t copy = 1; copy < of.scale; ++copy, y += of.out_width())
            std::copy_n(first, of.out_width(), y);
    }
}

/// grad_x = the sum of grad_y over the pixels that repeat one.
template <class T>
void upsample_nearest_backward(cpu, upsample_parameters const& of, T const* grad_y, T* grad_x) noexcept {
    std::fill_n(grad_x, of.planes * of.in_height * of.in_width, T{0});
    for (std::size_t row = 0; row < of.planes * of.in_height; ++row, grad_x += of.in_width)
        for (std::size_t copy = 0; copy < of.scale; ++copy)
            for (std::size_t j = 0; j < of.in_width; ++j)
                for (std::size_t i = 0; i < of.scale; ++i)
                    grad_x[j] += *grad_y++;
}

/// Two neighbours along an axis, and the share of the second.
template <class T>
struct between {
    std::size_t first;
    std::size_t second;
    T share;
};

/// Where an output's centre (index + 1/2)/scale − 1/2 lies among `size` inputs; in front of the first and behind
/// the last there is only that one. In whole numbers, so that no rounding moves it to another pixel.
template <class T>
[[nodiscard]] between<T> source_of_pixel(std::size_t index, std::size_t size, std::size_t scale) noexcept {
    std::size_t const twice = 2 * index + 1;
    std::size_t const above = twice > scale ? twice - scale : 0;
    std::size_t const first = above / (2 * scale);
    return {first, std::min(first + 1, size - 1),
            static_cast<T>(above % (2 * scale)) / static_cast<T>(2 * scale)};
}

/// y = the mean of the four nearest pixels, by their distance.
template <class T>
void upsample_bilinear(cpu, upsample_parameters const& of, T const* x, T* y) noexcept {
    for (std::size_t plane = 0; plane < of.planes; ++plane, x += of.in_height * of.in_width)
        for (std::size_t i = 0; i < of.out_height(); ++i) {
            auto const rows = source_of_pixel<T>(i, of.in_height, of.scale);
            T const* const upper = x + rows.first * of.in_width;
            T const* const lower = x + rows.second * of.in_width;
            for (std::size_t j = 0; j < of.out_width(); ++j) {
                auto const columns = source_of_pixel<T>(j, of.in_width, of.scale);
                T const left = T{1} - columns.share;
                *y++ = (T{1} - rows.share) *
                           (left * upper[columns.first] + columns.share * upper[columns.second]) +
                       rows.share * (left * lower[columns.first] + columns.share * lower[columns.second]);
            }
        }
}

/// Each of the four gets its share of the gradient.
template <class T>
void upsample_bilinear_backward(cpu, upsample_parameters const& of, T const* grad_y, T* grad_x) noexcept {
    std::fill_n(grad_x, of.planes * of.in_height * of.in_width, T{0});
    for (std::size_t plane = 0; plane < of.planes; ++plane, grad_x += of.in_height * of.in_width)
        for (std::size_t i = 0; i < of.out_height(); ++i) {
            auto const rows = source_of_pixel<T>(i, of.in_height, of.scale);
            T* const upper = grad_x + rows.first * of.in_width;
            T* const lower = grad_x + rows.second * of.in_width;
            for (std::size_t j = 0; j < of.out_width(); ++j) {
                auto const columns = source_of_pixel<T>(j, of.in_width, of.scale);
                T const down = rows.share * *grad_y;
                T const up = *grad_y++ - down;
                upper[columns.first] += (T{1} - columns.share) * up;
                upper[columns.second] += columns.share * up;
                lower[columns.first] += (T{1} - columns.share) * down;
                lower[columns.second] += columns.share * down;
            }
        }
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
