#pragma once

#include "../../tensor/blocked.hpp"
#include "../../tensor/device.hpp"
#include "../../tensor/simd.hpp"
#include "../../tensor/transpose.hpp"
#include "conv2d_backward_direct_cpu.hpp"
#include "conv2d_parameters.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

// The gradient of an input of few channels: a block of them would be mostly empty. Here a vector holds what a block of
// output channels brings to one number of the input, and its numbers are added up at the end.

/// A convolution's backward to an input of few channels. The gradient of the output has blocks of a vector's width, and a
/// border as `backward_border` says; that of the input is dense.
struct conv2d_backward_narrow_parameters {
    conv2d_parameters shape;
    detail::blocked_layout grad_y;
};

/// True where this is the better way: most of a block would be empty.
template <class T>
[[nodiscard]] constexpr bool is_narrow(std::size_t in_channels) noexcept {
    return 2 * in_channels <= detail::width<T>;
}

namespace narrow {

using detail::fold_over;
using detail::load;
using detail::load_all;
using detail::store;
using detail::unroll;
using detail::vector;
template <class T>
inline constexpr std::size_t lanes = detail::width<T>;

/// Channels that share one pass over the gradient of the output, of `in` altogether; the last pass overlaps those before.
[[nodiscard]] constexpr std::size_t channels_of_pass(std::size_t in) noexcept {
    constexpr std::size_t most = 3;
    std::size_t const passes = (in + most - 1) / most;
    return (in + passes - 1) / passes;
}
template <class Visit>
constexpr void for_each_pass(std::size_t in, Visit visit) {
    std::size_t const channels = channels_of_pass(in);
    for (std::size_t c = 0; c < in; c += channels)
        visit(std::min(c, in - channels));
}

/// Pixels of a tile: with three channels their sums fill three quarters of the registers.
template <class T>
inline constexpr std::size_t tile_pixels = std::min(lanes<T>, detail::vector_registers / 4);

/// What a tile reads, and strides.
template <class T>
struct tile_work {
    T const* grad_y;
    T const* weight;
    std::size_t blocks;
    std::size_t kernel_rows;
    std::size_t kernel_columns;
    std::size_t block;      ///< from one block of output channels to the next
    std::size_t tap_row;    ///< from one row of the window to the next
    std::size_t tap_column; ///< from one column of the window to the next
};

/// `Pixels` neighbouring pixels of `Channels` channels: sums over block of output channels, row and column of the window,
/// then over the channels of a block. Writes a vector for each channel, whose first numbers are the pixels.
template <std::size_t Channels, std::size_t Pixels, class T>
void compute_tile(tile_work<T> const& of, T* sums) noexcept {
    vector<T> parts[Channels * Pixels]{}; // all pixels of one channel, then of the next
    T const* weight = of.weight;
    for (std::size_t block = 0; block < of.blocks; ++block)
        for (std::size_t k = 0; k < of.kernel_rows; ++k) {
            T const* seen = of.grad_y + block * of.block + k * of.tap_row;
            for (std::size_t l = 0; l < of.kernel_columns; ++l, seen += of.tap_column) {
                vector<T> weights[Channels];
                load_all(weight, weights);
                weight += Channels * lanes<T>;
                fold_over<Channels * Pixels>([&]<std::size_t... I>(
                    std::index_sequence<I...>) __attribute__((always_inline)) {
                    ((parts[I % Channels * Pixels + I / Channels] = detail::multiply_add_all<T>(
                          weights[I % Channels], load(seen + I / Channels * lanes<T>),
                          parts[I % Channels * Pixels + I / Channels])),
                     ...);
                });
            }
        }
    unroll<Channels>([&](auto c) __attribute__((always_inline)) {
        fold_over<Pixels>([&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
            std::array<vector<T>, Pixels> const of_channel{parts[c * Pixels + I]...};
            store(sums + c * lanes<T>, detail::sums_of_each<T>(of_channel));
        });
    });
}

/// A phase of `Channels` channels, in tiles of `Pixels` pixels, which overlap at the end of a row. `to` is the phase's
/// first number.
template <std::size_t Channels, std::size_t Pixels, class T>
void compute_phase(conv2d_backward_narrow_parameters const& of, backward_phase const& rows,
                   backward_phase const& columns, tile_work<T> const& work, T* to) noexcept {
    auto const& [shape, layout] = of;
    T sums[Channels * lanes<T>];
    auto here = work;
    for (std::size_t i = 0; i < rows.count; ++i)
        for (std::size_t j = 0; j < columns.count; j += Pixels) {
            std::size_t const column = std::min(j, columns.count - Pixels);
            here.grad_y = work.grad_y + i * layout.row() + column * layout.block;
            compute_tile<Channels, Pixels>(here, sums);
            T* const at = to + i * shape.rows.stride * shape.in_width + column * shape.columns.stride;
            for (std::size_t c = 0; c < Channels; ++c) {
                T const* const from = sums + c * lanes<T>;
                T* const channel = at + c * shape.in_plane();
                if (shape.columns.stride == 1)
                    std::copy_n(from, Pixels, channel);
                else
                    for (std::size_t p = 0; p < Pixels; ++p)
                        channel[p * shape.columns.stride] = from[p];
            }
        }
}

} // namespace narrow

/// Elements of packed weights.
template <class T>
[[nodiscard]] constexpr std::size_t conv2d_backward_narrow_weights(conv2d_parameters const& of) noexcept {
    constexpr std::size_t lanes = detail::width<T>;
    std::size_t passes = 0;
    narrow::for_each_pass(of.in_channels, [&](std::size_t) { ++passes; });
    return passes * narrow::channels_of_pass(of.in_channels) * of.rows.kernel * of.columns.kernel *
           ((of.out_channels + lanes - 1) / lanes * lanes);
}

/// Packs weights Out,In,kh,kw: phase, pass, block of output channels, row and column of the window turned around, channel,
/// output channel. What fills up the last block is zero already.
template <class T>
void conv2d_backward_narrow_pack(conv2d_parameters const& shape, T const* weight, T* packed) noexcept {
    constexpr std::size_t lanes = detail::width<T>;
    std::size_t const window = shape.rows.kernel * shape.columns.kernel;
    std::size_t const channels = narrow::channels_of_pass(shape.in_channels);
    for_each_backward_phase(shape, [&](backward_phase const& rows, backward_phase const& columns) {
        narrow::for_each_pass(shape.in_channels, [&](std::size_t first) {
            for (std::size_t out = 0; out < shape.out_channels; out += lanes)
                for (std::size_t row = 0; row < rows.over.kernel; ++row)
                    for (std::size_t column = 0; column < columns.over.kernel; ++column)
                        for (std::size_t c = first; c < first + channels; ++c, packed += lanes)
                            for (std::size_t o = out; o < std::min(out + lanes, shape.out_channels); ++o)
                                packed[o - out] =
                                    weight[(o * shape.in_channels + c) * window +
                                           rows.tap(row) * shape.columns.kernel + columns.tap(column)];
        });
    });
}

/// The gradient of the input of one image. `In` is the number of its channels.
template <std::size_t In, class T>
void conv2d_backward_narrow(cpu, conv2d_backward_narrow_parameters const& of, T const* grad_y,
                            T const* packed, T* grad_x) noexcept {
    using namespace narrow;
    constexpr std::size_t channels = channels_of_pass(In);
    auto const& shape = of.shape;
    auto const& layout = of.grad_y;
    tile_work<T> work{};
    work.blocks = layout.blocks();
    work.block = layout.plane();
    for_each_backward_phase(shape, [&](backward_phase const& rows, backward_phase const& columns) {
        // The first window may begin before the image or, unsigned numbers wrapping, behind its first pixel.
        work.grad_y = grad_y + (layout.border - rows.over.before) * layout.row() +
                      (layout.border - columns.over.before) * layout.block;
        work.kernel_rows = rows.over.kernel;
        work.kernel_columns = columns.over.kernel;
        work.tap_row = rows.over.dilation * layout.row();
        work.tap_column = columns.over.dilation * layout.block;
        for_each_pass(In, [&](std::size_t channel) {
            work.weight = packed;
            packed += channels * work.kernel_rows * work.kernel_columns * work.blocks * lanes<T>;
            T* const to = grad_x + channel * shape.in_plane() + rows.first * shape.in_width + columns.first;
            if (columns.count >= tile_pixels<T>)
                compute_phase<channels, tile_pixels<T>>(of, rows, columns, work, to);
            else
                compute_phase<channels, 1>(of, rows, columns, work, to);
        });
    });
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
