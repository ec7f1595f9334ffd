#pragma once

#include "../../core/threads.hpp"
#include "../../tensor/blocked.hpp"
#include "../../tensor/device.hpp"
#include "../../tensor/simd.hpp"
#include "conv2d_parameters.hpp"
#include "conv2d_tiles_cpu.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

// A convolution over channel-blocked images, without a matrix of columns. Every output element is the sum
// bias + Σ over block of input channels, row and column of the window, channel, in this order and in parts of whole
// blocks, whatever the tile: so the bits of a result depend on nothing but the layer.

/// Blocks of output channels that share one pass over the input.
inline constexpr std::size_t blocks_at_a_time = 2;

/// Output channels where those of each group are filled up to whole blocks.
template <class T>
[[nodiscard]] constexpr std::size_t conv2d_padded_channels(conv2d_parameters const& of) noexcept {
    return of.groups * ((of.group_out() + detail::width<T> - 1) / detail::width<T> * detail::width<T>);
}

/// Elements of packed weights.
template <class T>
[[nodiscard]] constexpr std::size_t conv2d_packed_weights(conv2d_parameters const& of) noexcept {
    return conv2d_padded_channels<T>(of) * of.terms();
}

/// Packs weights Out,In/groups,kh,kw in the order in which the sums are made: group, pair of output blocks, input
/// block, row, column, input channel, output channel. What fills up a group's last output block is zero.
template <class T>
void conv2d_pack(conv2d_parameters const& of, std::size_t in_block, T const* weight, T* packed) noexcept {
    constexpr std::size_t lanes = detail::width<T>;
    std::size_t const window = of.window_size();
    for (std::size_t group = 0; group < of.out_channels; group += of.group_out())
        for (std::size_t first = group; first < group + of.group_out(); first += blocks_at_a_time * lanes) {
            std::size_t const rest = group + of.group_out() - first;
            std::size_t const end = first + std::min(blocks_at_a_time, (rest + lanes - 1) / lanes) * lanes;
            for (std::size_t in = 0; in < of.group_in(); in += in_block)
                for (std::size_t at = 0; at < window; ++at)
                    for (std::size_t c = in; c < std::min(in + in_block, of.group_in()); ++c)
                        for (std::size_t o = first; o < end; ++o, ++packed)
                            *packed = o < first + rest ? weight[(o * of.group_in() + c) * window + at] : T{0};
        }
}

namespace direct {

/// How a tile's sums are made where each output channel sees all channels of the input (or of its group). `Block` is
/// the input's block, `Stride` that of the columns. `RowTerms` is not zero where a block is narrower than a vector
/// and the columns of the window are neighbours: a row of the window has so many terms, all in one piece.
template <std::size_t Block, std::size_t Stride, std::size_t RowTerms = 0>
struct tile_traits {
    static constexpr std::size_t step = Stride * Block; ///< between the inputs of neighbouring outputs

    /// Adds all terms to `sums`, which hold the bias.
    template <class T, std::size_t Blocks, std::size_t Pixels, std::size_t Columns>
    [[gnu::always_inline]] static void add(tile_strides const& by, tile_work<T> const& at,
                                           vector<T> (&sums)[Blocks * Pixels]) noexcept {
        T const* weight = at.weight;
        auto const add_term = [&](T const* x) __attribute__((always_inline)) {
            vector<T> weights[Blocks];
            load_all(weight, weights);
            fold_over<Blocks * Pixels>([&]<std::size_t... I>(
                std::index_sequence<I...>) __attribute__((always_inline)) {
                ((sums[I % Blocks * Pixels + I / Blocks] = detail::multiply_add_all<T>(
                      weights[I % Blocks],
                      detail::broadcast(
                          x[I / Blocks / Columns * by.x_tile_row + I / Blocks % Columns * step]),
                      sums[I % Blocks * Pixels + I / Blocks])),
                 ...);
            });
            weight += Blocks * lanes<T>;
        };
        if constexpr (RowTerms != 0) {
            for (std::size_t row = 0; row < by.kernel_rows; ++row)
#pragma GCC unroll 32
                for (std::size_t i = 0; i < RowTerms; ++i)
                    add_term(detail::forgotten(at.x + row * by.x_row + i));
        } else {
            add_parts<T, Blocks>(by, at, add_term, sums);
        }
    }

private:
    /// Parts of a long sum are made one by one, and wait in memory for the next.
    template <class T, std::size_t Blocks, std::size_t Sums, class AddTerm>
    [[gnu::always_inline]] static void add_parts(tile_strides const& by, tile_work<T> const& at,
                                                 AddTerm const& add_term, vector<T> (&sums)[Sums]) noexcept {
        // Where nothing is fetched, this is what is in the first cache anyway.
        [[maybe_unused]] auto const* coming = static_cast<char const*>(
            at.coming_step == 0 ? static_cast<void const*>(&at) : static_cast<void const*>(at.coming));
        auto const add_terms = [&](T const* x, std::size_t count) __attribute__((always_inline)) {
#pragma GCC unroll 4
            for (std::size_t i = 0; i < count; ++i) {
                if constexpr (Blocks > 1) {           // one block alone is bound by its loads
                    __builtin_prefetch(coming, 0, 2); // into the second cache
                    coming += at.coming_step;
                }
                add_term(x + i);
            }
        };
        auto const add_block = [&](std::size_t block) __attribute__((always_inline)) {
            std::size_t const channels = block + 1 < by.in_blocks ? Block : by.last_block;
            // A row of the window lies in one piece where its columns are neighbours and the block is full.
            bool const is_one_piece = channels == Block && by.x_column == Block;
            std::size_t const pieces = is_one_piece ? 1 : by.kernel_columns;
            std::size_t const terms = is_one_piece ? by.kernel_columns * Block : channels;
            for (std::size_t row = 0; row < by.kernel_rows; ++row)
                for (std::size_t piece = 0; piece < pieces; ++piece)
                    add_terms(at.x + block * by.x_block + row * by.x_row + piece * by.x_column, terms);
        };
        vector<T> totals[Sums];
        auto const each_sum = [&](auto function) __attribute__((always_inline)) {
            fold_over<Sums>([&]<std::size_t... I>(std::index_sequence<I...>)
                                __attribute__((always_inline)) { (function(totals[I], sums[I]), ...); });
        };
        for (std::size_t begin = 0; begin < by.in_blocks; begin += by.blocks_of_part) {
            std::size_t const end = std::min(begin + by.blocks_of_part, by.in_blocks);
            for (std::size_t block = begin; block < end; ++block)
                add_block(block);
            if (begin != 0)
                each_sum([](vector<T> & total, vector<T> & sum)
                             __attribute__((always_inline)) { sum = total + sum; });
            if (end != by.in_blocks)
                each_sum([](vector<T> & total, vector<T> & sum) __attribute__((always_inline)) {
                    total = sum;
                    sum = vector<T>{};
                });
        }
    }
};

/// Bytes that stay in a core's second cache beside what passes through it.
inline constexpr std::size_t bytes_that_stay = std::size_t{1} << 20;

/// Rows of outputs that are computed for all output channels before the next rows: all, where an image's input stays
/// in the cache, or where the weights do not, which would be read for each band.
template <class T>
[[nodiscard]] std::size_t rows_of_band(conv2d_direct_parameters<T> const& of) noexcept {
    constexpr std::size_t band_bytes = bytes_that_stay / 4;
    std::size_t const weights = of.shape.out_channels * of.shape.terms() * sizeof(T);
    std::size_t const image = of.in.image() * sizeof(T);
    if (image <= bytes_that_stay || weights > bytes_that_stay || of.finish.pools)
        return of.out.height;
    std::size_t const bands = image / band_bytes;
    std::size_t const rows = (of.shape.out_height + bands - 1) / bands;
    return rows + rows % 2;
}

/// Pieces of work that a convolution is cut into at least, where it has as many rows: for several workers to end at
/// about the same time.
inline constexpr std::size_t pieces_to_share = 16;

/// Rows of a band where `others` pieces lie beside each other, images and blocks of channels, and are shared.
template <class T>
[[nodiscard]] std::size_t rows_of_shared_band(conv2d_direct_parameters<T> const& of,
                                              std::size_t others) noexcept {
    std::size_t const rows = rows_of_band(of);
    if (of.workers < 2)
        return rows;
    std::size_t const bands = std::max<std::size_t>(1, pieces_to_share / others);
    std::size_t const shared = (of.out.height + bands - 1) / bands;
    return std::min(rows, shared + shared % 2);
}

} // namespace direct

/// y = x * weight + bias and what follows. `Traits` are those of the tiles (`direct::tile_traits`), `Plane` is that of
/// the outputs, before pooling. `packed` comes from `conv2d_pack`; `bias` is padded to whole blocks. Where there are
/// groups, each has whole blocks of inputs and of outputs. `OutBlocks` is how many blocks of outputs a group has, where
/// that is known when it is compiled, else 0.
template <class Traits, class Plane = direct::any_plane, std::size_t OutBlocks = 0, class T>
void conv2d_direct(cpu, conv2d_direct_parameters<T> const& of, T const* x, T const* packed, T const* bias,
                   T* y, T* scratch) noexcept {
    using namespace direct;
    auto const& shape = of.shape;
    auto const by = strides_of(of);
    std::size_t const group_blocks = (shape.group_out() + lanes<T> - 1) / lanes<T>;
    std::size_t const pairs = (group_blocks + blocks_at_a_time - 1) / blocks_at_a_time;

    auto const compute = [&](std::size_t pair, std::size_t image, element_range band, bool fetches, T* ring) {
        std::size_t const group = pair / pairs;
        std::size_t const block = pair % pairs * blocks_at_a_time;
        std::size_t const channel = group * shape.group_out() + block * lanes<T>;
        auto tile =
            first_tile(of, image, channel,
                       x + image * of.in.image() + group * shape.group_in() / of.in.block * of.in.plane(),
                       packed + channel * shape.terms(), bias, y);
        if (fetches) {
            std::size_t const next =
                std::min(blocks_at_a_time, group_blocks - block) * lanes<T> * shape.terms();
            std::size_t const all = conv2d_packed_weights<T>(shape);
            std::size_t const begin = std::min(all, channel * shape.terms() + next);
            tile.coming = packed + begin;
            tile.coming_size = std::min(next, all - begin);
        }
        if constexpr (OutBlocks != 1)
            if (block + 1 < group_blocks)
                compute_band<T, 2, Plane, Traits>(of, by, tile, band, ring);
        if constexpr (OutBlocks == 0 || OutBlocks % 2 != 0)
            if (block + 1 == group_blocks)
                compute_band<T, 1, Plane, Traits>(of, by, tile, band, ring);
    };
    std::size_t const all_pairs = shape.groups * pairs;
    std::size_t const step = rows_of_shared_band(of, shape.batch * all_pairs);
    std::size_t const bands = (of.out.height + step - 1) / step;
    // What stays in the cache is read again and again: the weights, or else a batch's input.
    std::size_t const weight_bytes = shape.out_channels * shape.terms() * sizeof(T);
    bool const weights_stay = weight_bytes <= bytes_that_stay;
    // Few weights are in the cache, or soon there.
    bool const fetches_weights = weight_bytes >= bytes_that_stay / 4;
    detail::parallel_for(
        shape.batch * bands * all_pairs, of.workers, [&](std::size_t piece, std::size_t worker) {
            std::size_t const pair = weights_stay ? piece % all_pairs : piece / (shape.batch * bands);
            std::size_t const band = weights_stay ? piece / all_pairs : piece % (shape.batch * bands);
            std::size_t const row = band % bands * step;
            // The next weights come while the last use is made of those before, or the first where they stay.
            bool const fetches = fetches_weights && band + 1 == (weights_stay ? 1 : shape.batch * bands);
            compute(pair, band / bands, element_range{row, std::min(row + step, of.out.height)}, fetches,
                    scratch + worker * conv2d_direct_scratch(of));
        });
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
