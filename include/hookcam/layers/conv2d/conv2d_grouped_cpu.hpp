#pragma once

#include "../../core/threads.hpp"
#include "../../tensor/blocked.hpp"
#include "../../tensor/device.hpp"
#include "../../tensor/simd.hpp"
#include "conv2d_direct_cpu.hpp"
#include "conv2d_parameters.hpp"
#include "conv2d_tiles_cpu.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <utility>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

// Convolutions in groups of channels that are no whole blocks. Where a block holds whole groups, each lane of a vector
// sees lanes of the same vector: a depthwise convolution only itself. Any other group is computed on its own, in blocks
// that begin with its first channel.

/// Packs weights Out,In/groups,kh,kw for `conv2d_within_vectors`: block, row, column, channel in the group, lane.
template <class T>
void conv2d_pack_lanes(conv2d_parameters const& of, T const* weight, T* packed) noexcept {
    constexpr std::size_t lanes = detail::width<T>;
    std::size_t const window = of.window_size();
    for (std::size_t first = 0; first < of.out_channels; first += lanes)
        for (std::size_t at = 0; at < window; ++at)
            for (std::size_t c = 0; c < of.group_in(); ++c)
                for (std::size_t o = first; o < first + lanes; ++o, ++packed)
                    *packed = o < of.out_channels ? weight[(o * of.group_in() + c) * window + at] : T{0};
}

namespace direct {

/// In each lane, the `Channel`-th of the group of `Group` lanes that it belongs to.
template <std::size_t Group, std::size_t Channel, class T>
[[nodiscard, gnu::always_inline]] inline vector<T> channel_of_groups(vector<T> x) noexcept {
    if constexpr (Group == 1) {
        return x;
    } else {
        return [&]<std::size_t... Lane>(std::index_sequence<Lane...>) __attribute__((always_inline)) {
            return __builtin_shufflevector(x, x, static_cast<int>(Lane / Group * Group + Channel)...);
        }
        (std::make_index_sequence<lanes<T>>{});
    }
}

/// How a tile's sums are made where a block holds whole groups of `Group` channels, as many in as out: in the order of
/// row and column of the window, channel.
template <std::size_t Group, std::size_t Stride>
struct lane_traits {
    template <class T, std::size_t Blocks, std::size_t Pixels, std::size_t Columns>
    [[gnu::always_inline]] static void add(tile_strides const& by, tile_work<T> const& at,
                                           vector<T> (&sums)[Blocks * Pixels]) noexcept {
        static_assert(Blocks == 1);
        T const* weight = at.weight;
        for (std::size_t row = 0; row < by.kernel_rows; ++row)
            for (std::size_t column = 0; column < by.kernel_columns; ++column) {
                T const* const x = at.x + row * by.x_row + column * by.x_column;
                unroll<Group>([&](auto c) __attribute__((always_inline)) {
                    auto const weights = load(weight);
                    weight += lanes<T>;
                    fold_over<Pixels>([&]<std::size_t... I>(
                        std::index_sequence<I...>) __attribute__((always_inline)) {
                        ((sums[I] = detail::multiply_add_all<T>(
                              weights,
                              channel_of_groups<Group, c, T>(
                                  load(x + I / Columns * by.x_tile_row + I % Columns * Stride * lanes<T>)),
                              sums[I])),
                         ...);
                    });
                });
            }
    }
};

} // namespace direct

/// y = x * weight + bias and what follows, where the groups have as many outputs as inputs and a block holds whole ones.
/// `Traits` are `direct::lane_traits`; `packed` comes from `conv2d_pack_lanes`, `bias` is padded to whole blocks.
template <class Traits, class Plane = direct::any_plane, class T>
void conv2d_within_vectors(cpu, conv2d_direct_parameters<T> const& of, T const* x, T const* packed,
                           T const* bias, T* y, T* scratch) noexcept {
    auto const by = direct::strides_of(of);
    std::size_t const blocks = of.out.blocks();
    detail::parallel_for(of.shape.batch * blocks, of.workers, [&](std::size_t piece, std::size_t worker) {
        std::size_t const image = piece / blocks;
        std::size_t const block = piece % blocks;
        std::size_t const channel = block * detail::width<T>;
        auto const tile =
            direct::first_tile(of, image, channel, x + image * of.in.image() + block * of.in.plane(),
                               packed + channel * of.shape.terms(), bias, y);
        direct::compute_band<T, 1, Plane, Traits>(of, by, tile, {0, of.out.height},
                                                  scratch + worker * conv2d_direct_scratch(of));
    });
}

/// One group of a convolution, by itself: `in` and `out` are the layouts of its own blocks.
template <class T>
[[nodiscard]] conv2d_direct_parameters<T> group_alone(conv2d_direct_parameters<T> const& of) noexcept {
    auto one = of;
    one.shape.batch = 1;
    one.shape.groups = 1;
    one.shape.in_channels = one.in.channels = of.shape.group_in();
    one.shape.out_channels = one.out.channels = of.shape.group_out();
    one.in.block = one.out.block = detail::width<T>;
    one.in.blocks_apart = one.out.blocks_apart = 0;
    one.out.border = 0;
    return one;
}

/// Elements of scratch memory that `conv2d_regrouped` needs.
template <class T>
[[nodiscard]] std::size_t conv2d_regrouped_scratch(conv2d_direct_parameters<T> const& of) noexcept {
    auto const one = group_alone(of);
    return one.in.image() + one.out.image();
}

/// Copies fewer numbers than two vectors hold.
template <class T>
[[gnu::always_inline]] inline void copy_few(std::size_t count, T const* from, T* to) noexcept {
    constexpr std::size_t lanes = detail::width<T>;
    detail::unroll<std::bit_width(lanes)>([&](auto i) __attribute__((always_inline)) {
        constexpr std::size_t piece = lanes >> i;
        if ((count & piece) != 0) {
            __builtin_memcpy(to, from, piece * sizeof(T));
            from += piece;
            to += piece;
        }
    });
}

/// Copies channels of one image between blocked layouts of one height and width: `from_first` and the following to
/// `to_first` and the following.
template <class T>
void copy_channels(detail::blocked_layout const& from_layout, std::size_t from_first, T const* from,
                   detail::blocked_layout const& to_layout, std::size_t to_first, std::size_t count,
                   T* to) noexcept {
    for (std::size_t c = 0; c < count;) {
        // So many are neighbours here and there.
        std::size_t const together =
            std::min({count - c, from_layout.block - (from_first + c) % from_layout.block,
                      to_layout.block - (to_first + c) % to_layout.block});
        T const* const x = from + detail::place_of_channel(from_layout, from_first + c);
        T* const y = to + detail::place_of_channel(to_layout, to_first + c);
        for (std::size_t i = 0; i < to_layout.height; ++i)
            for (std::size_t j = 0; j < to_layout.width; ++j)
                copy_few(together, x + i * from_layout.row() + j * from_layout.block,
                         y + i * to_layout.row() + j * to_layout.block);
        c += together;
    }
}

/// y = x * weight + bias for groups of any size; nothing follows. `Traits` are those of a vector's block. `packed` comes
/// from `conv2d_pack`; `bias` is padded to whole blocks in each group.
template <class Traits, class Plane = direct::any_plane, std::size_t OutBlocks = 0, class T>
void conv2d_regrouped(cpu device, conv2d_direct_parameters<T> const& of, T const* x, T const* packed,
                      T const* bias, T* y, T* scratch) noexcept {
    auto const one = group_alone(of);
    T* const group_y = scratch + one.in.image();
    detail::clear_border(one.in, 1, scratch);
    std::size_t const padded_out = one.out.blocks() * one.out.block;
    for (std::size_t image = 0; image < of.shape.batch; ++image) {
        T* const to = y + image * of.out.image();
        for (std::size_t group = 0; group < of.shape.groups; ++group) {
            copy_channels(of.in, group * one.in.channels, x + image * of.in.image(), one.in, 0,
                          one.in.channels, scratch);
            T* const no_scratch = nullptr;
            conv2d_direct<Traits, Plane, OutBlocks>(device, one, static_cast<T const*>(scratch),
                                                    packed + group * padded_out * one.shape.terms(),
                                                    bias + group * padded_out, group_y, no_scratch);
            copy_channels(one.out, 0, static_cast<T const*>(group_y), of.out, group * one.out.channels,
                          one.out.channels, to);
        }
    }
    detail::clear_rest_of_block(of.out, of.shape.batch, y);
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
