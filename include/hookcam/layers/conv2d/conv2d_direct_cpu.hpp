#pragma once

#include "../../tensor/blocked.hpp"
#include "../../tensor/device.hpp"
#include "../../tensor/simd.hpp"
#include "../fusion.hpp"
#include "../pool2d_parameters.hpp"
#include "conv2d_parameters.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

// A convolution over channel-blocked images, without a matrix of columns: a tile of output pixels times one or two
// blocks of output channels stays in registers while all terms of its sums pass by. Every output element is the sum
// bias + Σ over block of input channels, row and column of the window, channel, in this order and in parts of whole
// blocks, whatever the tile: so the bits of a result depend on nothing but the layer.

/// A convolution of a batch: shapes, layouts, and what follows. `in.block` may be smaller than a vector where the
/// input has few channels; `out.block` is a vector's width, and `out` is the layout of what is stored, so of the
/// pooled output where it pools.
template <class T>
struct conv2d_direct_parameters {
    conv2d_parameters shape;
    detail::blocked_layout in;
    detail::blocked_layout out;
    detail::sum_finish<T> finish;
};

/// Blocks of output channels that share one pass over the input.
inline constexpr std::size_t blocks_at_a_time = 2;

/// Elements of packed weights and bias.
template <class T>
[[nodiscard]] constexpr std::size_t conv2d_packed_weights(conv2d_parameters const& of) noexcept {
    return (of.out_channels + detail::width<T> - 1) / detail::width<T> * detail::width<T> * of.terms();
}

/// Packs weights Out,In,kh,kw in the order in which the sums are made: pair of output blocks, input block, row,
/// column, input channel, output channel. What fills up the last output block is zero already.
template <class T>
void conv2d_pack(conv2d_parameters const& of, std::size_t in_block, T const* weight, T* packed) noexcept {
    constexpr std::size_t lanes = detail::width<T>;
    std::size_t const window = of.rows.kernel * of.columns.kernel;
    std::size_t const out_blocks = (of.out_channels + lanes - 1) / lanes;
    for (std::size_t first = 0; first < out_blocks; first += blocks_at_a_time) {
        std::size_t const blocks = std::min(blocks_at_a_time, out_blocks - first);
        for (std::size_t in = 0; in < of.in_channels; in += in_block)
            for (std::size_t at = 0; at < window; ++at)
                for (std::size_t c = in; c < std::min(in + in_block, of.in_channels); ++c)
                    for (std::size_t o = first * lanes; o < (first + blocks) * lanes; ++o, ++packed)
                        *packed = o < of.out_channels ? weight[(o * of.in_channels + c) * window + at] : T{0};
    }
}

namespace direct {

using detail::load;
using detail::store;
using detail::unroll;
using detail::vector;
template <class T>
inline constexpr std::size_t lanes = detail::width<T>;

/// What one tile reads and writes: pointers to its first pixel and first block of output channels, and strides.
template <class T>
struct tile_work {
    T const* x;
    T const* weight;
    T const* bias;
    T const* scale;
    T const* shift;
    T const* term;
    T* y;
};

/// The same for all tiles of a plane.
struct tile_strides {
    std::size_t in_blocks;
    std::size_t last_block; ///< channels in the last block of the input
    std::size_t blocks_of_part;
    std::size_t kernel_rows;
    std::size_t kernel_columns;
    std::size_t x_block;    ///< from one block of input channels to the next
    std::size_t x_row;      ///< from one row of the window to the next
    std::size_t x_column;   ///< from one column of the window to the next
    std::size_t x_tile_row; ///< from one row of outputs to the next
    std::size_t y_block;
    std::size_t y_row;
    std::size_t term_block;
    std::size_t term_row;
    bool rectifies;
};

/// max(x, 0); NaN passes.
template <class T>
[[gnu::always_inline]] inline vector<T> rectify(vector<T> x) noexcept {
    return x < vector<T>{} ? vector<T>{} : x;
}

/// What a tile's code knows when it is compiled: the input's block, and the distance between the inputs of
/// neighbouring outputs.
template <std::size_t Block, std::size_t Stride>
struct tile_traits {
    static constexpr std::size_t block = Block;
    static constexpr std::size_t step = Stride * Block;
};

/// Computes `Rows`×`Columns` output pixels of `Blocks` blocks of channels.
template <class T, std::size_t Blocks, std::size_t Rows, std::size_t Columns, class Traits>
void compute_tile(tile_strides const& by, tile_work<T> const& at) noexcept {
    constexpr std::size_t pixels = Rows * Columns;
    vector<T> sums[Blocks][pixels];
    unroll<Blocks>([&](auto b) __attribute__((always_inline)) {
        auto const bias = load(at.bias + b * lanes<T>);
        unroll<pixels>([&](auto p) __attribute__((always_inline)) { sums[b][p] = bias; });
    });

    T const* weight = at.weight;
    auto const add_term = [&](T const* x) __attribute__((always_inline)) {
        vector<T> weights[Blocks];
        unroll<Blocks>([&](auto b)
                           __attribute__((always_inline)) { weights[b] = load(weight + b * lanes<T>); });
        unroll<pixels>([&](auto p) __attribute__((always_inline)) {
            auto const seen =
                detail::broadcast(x[(p / Columns) * by.x_tile_row + (p % Columns) * Traits::step]);
            unroll<Blocks>([&](auto b) __attribute__((always_inline)) {
                sums[b][p] = detail::multiply_add_all<T>(weights[b], seen, sums[b][p]);
            });
        });
        weight += Blocks * lanes<T>;
    };
    auto const add_terms = [&](T const* x, std::size_t count) __attribute__((always_inline)) {
#pragma GCC unroll 4
        for (std::size_t i = 0; i < count; ++i)
            add_term(x + i);
    };
    auto const add_block = [&](std::size_t block) __attribute__((always_inline)) {
        std::size_t const channels = block + 1 < by.in_blocks ? Traits::block : by.last_block;
        // A row of the window lies in one piece where its columns are neighbours and the block is full.
        bool const is_one_piece = channels == Traits::block && by.x_column == Traits::block;
        std::size_t const pieces = is_one_piece ? 1 : by.kernel_columns;
        std::size_t const terms = is_one_piece ? by.kernel_columns * Traits::block : channels;
        for (std::size_t row = 0; row < by.kernel_rows; ++row)
            for (std::size_t piece = 0; piece < pieces; ++piece)
                add_terms(at.x + block * by.x_block + row * by.x_row + piece * by.x_column, terms);
    };
    // Parts of a long sum are made one by one, and wait in memory for the next.
    vector<T> totals[Blocks][pixels];
    auto const each_sum = [&](auto function) __attribute__((always_inline)) {
        unroll<Blocks>([&](auto b) __attribute__((always_inline)) {
            unroll<pixels>([&](auto p)
                               __attribute__((always_inline)) { function(totals[b][p], sums[b][p]); });
        });
    };
    for (std::size_t begin = 0; begin < by.in_blocks; begin += by.blocks_of_part) {
        std::size_t const end = std::min(begin + by.blocks_of_part, by.in_blocks);
        for (std::size_t block = begin; block < end; ++block)
            add_block(block);
        if (begin != 0)
            each_sum([](auto const& total, auto& sum) __attribute__((always_inline)) { sum = total + sum; });
        if (end != by.in_blocks)
            each_sum([](auto& total, auto& sum) __attribute__((always_inline)) {
                total = sum;
                sum = vector<T>{};
            });
    }

    if (at.scale != nullptr)
        unroll<Blocks>([&](auto b) __attribute__((always_inline)) {
            auto const scale = load(at.scale + b * lanes<T>);
            auto const shift = load(at.shift + b * lanes<T>);
            unroll<pixels>([&](auto p) __attribute__((always_inline)) {
                sums[b][p] = detail::multiply_add_all<T>(sums[b][p], scale, shift);
            });
        });
    auto const place =
        [](std::size_t b, std::size_t p, std::size_t block, std::size_t row) __attribute__((always_inline)) {
        return b * block + (p / Columns) * row + (p % Columns) * lanes<T>;
    };
    if (at.term != nullptr)
        unroll<Blocks>([&](auto b) __attribute__((always_inline)) {
            unroll<pixels>([&](auto p) __attribute__((always_inline)) {
                sums[b][p] = sums[b][p] + load(at.term + place(b, p, by.term_block, by.term_row));
            });
        });
    if (by.rectifies)
        unroll<Blocks>([&](auto b) __attribute__((always_inline)) {
            unroll<pixels>([&](auto p)
                               __attribute__((always_inline)) { sums[b][p] = rectify<T>(sums[b][p]); });
        });
    unroll<Blocks>([&](auto b) __attribute__((always_inline)) {
        unroll<pixels>([&](auto p) __attribute__((always_inline)) {
            store(at.y + place(b, p, by.y_block, by.y_row), sums[b][p]);
        });
    });
}

/// Output pixels of a tile. The sums of two blocks must fit the registers beside weights and inputs.
struct tile_size {
    std::size_t rows;
    std::size_t columns;
};
inline constexpr std::array tile_sizes =
    detail::vector_registers >= 32
        ? std::array{tile_size{1, 14}, tile_size{2, 7}, tile_size{1, 8}, tile_size{3, 4}, tile_size{1, 1}}
        : std::array{tile_size{1, 6}, tile_size{2, 3}, tile_size{1, 4}, tile_size{3, 2}, tile_size{1, 1}};

/// The tile that covers a plane with the least work. At the edges tiles overlap, so there is always one that fits.
[[nodiscard]] constexpr std::size_t choose_tile(std::size_t height, std::size_t width,
                                                bool one_row) noexcept {
    std::size_t best = tile_sizes.size() - 1;
    std::size_t least = static_cast<std::size_t>(-1);
    for (std::size_t i = 0; i < tile_sizes.size(); ++i) {
        auto const tile = tile_sizes[i];
        if (tile.rows > height || tile.columns > width || (one_row && tile.rows > 1))
            continue;
        std::size_t const tiles =
            ((height + tile.rows - 1) / tile.rows) * ((width + tile.columns - 1) / tile.columns);
        // A small tile waits for its sums: about as long as one of eight pixels takes.
        std::size_t const work = tiles * (std::max<std::size_t>(8, tile.rows * tile.columns) + 1);
        if (work < least) {
            least = work;
            best = i;
        }
    }
    return best;
}

/// Rows of the convolution's output that pooling keeps at a time.
[[nodiscard]] constexpr std::size_t kept_rows(window const& pool) noexcept {
    return pool.span();
}

/// The maxima of one row of windows: y from the rows `rows` of a ring of rows.
template <class T>
void pool_row(window const& columns, std::size_t row_step, element_range rows, T const* ring,
              std::size_t ring_rows, std::size_t ring_row, std::size_t in_width, std::size_t out_width,
              T* y) noexcept {
    for (std::size_t j = 0; j < out_width; ++j, y += lanes<T>) {
        auto const seen = seen_by(columns, j, in_width);
        auto largest = detail::broadcast(-std::numeric_limits<T>::infinity());
        for (std::size_t row = rows.begin; row < rows.end; row += row_step)
            for (std::size_t column = seen.begin; column < seen.end; column += columns.dilation) {
                auto const here = load(ring + row % ring_rows * ring_row + column * lanes<T>);
                largest = ((here > largest) | (here != here)) ? here : largest; // NaN is larger than all
            }
        store(y, largest);
    }
}

/// One image and `Blocks` blocks of its output channels, with tiles of one size.
template <class T, std::size_t Blocks, std::size_t Tile, class Traits>
void compute_plane(conv2d_direct_parameters<T> const& of, tile_strides const& strides,
                   tile_work<T> const& image, T* ring) noexcept {
    constexpr auto tile = tile_sizes[Tile];
    auto by = strides;
    std::size_t const height = of.shape.out_height;
    std::size_t const width = of.shape.out_width;
    auto const compute_rows = [&](std::size_t row, T* y) {
        for (std::size_t j = 0; j < width; j += tile.columns) {
            std::size_t const column = std::min(j, width - tile.columns);
            auto at = image;
            at.x += row * by.x_tile_row + column * Traits::step;
            if (at.term != nullptr)
                at.term += row * by.term_row + column * lanes<T>;
            at.y = y + column * lanes<T>;
            compute_tile<T, Blocks, tile.rows, tile.columns, Traits>(by, at);
        }
    };
    auto const& finish = of.finish;
    if (!finish.pools) {
        for (std::size_t i = 0; i < height; i += tile.rows) {
            std::size_t const row = std::min(i, height - tile.rows);
            compute_rows(row, image.y + row * by.y_row);
        }
        return;
    }
    // Rows wait in a ring until the windows that see them are done.
    std::size_t const ring_rows = kept_rows(finish.pool_rows);
    std::size_t const y_block = by.y_block;
    by.y_row = width * lanes<T>;
    by.y_block = ring_rows * by.y_row;
    std::size_t next = 0;
    for (std::size_t i = 0; i < of.out.height; ++i) {
        auto const rows = seen_by(finish.pool_rows, i, height);
        // Windows behind this one see no row in front of its first, be that in the padding or left out by dilation.
        std::size_t const begin = i * finish.pool_rows.stride;
        for (next = std::max(next, begin - std::min(begin, finish.pool_rows.before)); next < rows.end; ++next)
            compute_rows(next, ring + next % ring_rows * by.y_row);
        for (std::size_t b = 0; b < Blocks; ++b)
            pool_row(finish.pool_columns, finish.pool_rows.dilation, rows, ring + b * by.y_block, ring_rows,
                     by.y_row, width, of.out.width, image.y + b * y_block + i * of.out.row());
    }
}

template <class T, std::size_t Blocks, class Traits, std::size_t... Tiles>
void compute_plane_with(std::size_t tile, std::index_sequence<Tiles...>,
                        conv2d_direct_parameters<T> const& of, tile_strides const& by,
                        tile_work<T> const& image, T* ring) noexcept {
    ((tile == Tiles ? compute_plane<T, Blocks, Tiles, Traits>(of, by, image, ring) : void()), ...);
}

} // namespace direct

/// Elements of scratch memory that `conv2d_direct` needs.
template <class T>
[[nodiscard]] constexpr std::size_t conv2d_direct_scratch(conv2d_direct_parameters<T> const& of) noexcept {
    if (!of.finish.pools)
        return 0;
    return direct::kept_rows(of.finish.pool_rows) * of.shape.out_width * blocks_at_a_time * detail::width<T>;
}

/// y = x * weight + bias and what follows. `Traits` are those of the tiles (`direct::tile_traits`). `packed` comes from `conv2d_pack`; `bias` is padded to whole blocks.
template <class Traits, class T>
void conv2d_direct(cpu, conv2d_direct_parameters<T> const& of, T const* x, T const* packed, T const* bias,
                   T* y, T* scratch) noexcept {
    using namespace direct;
    auto const& [shape, in, out, finish] = of;
    std::size_t const out_blocks = (shape.out_channels + lanes<T> - 1) / lanes<T>;
    tile_strides by{};
    by.in_blocks = in.blocks();
    by.last_block = in.channels_of(by.in_blocks - 1);
    by.blocks_of_part = std::max<std::size_t>(
        1, terms_at_a_time / (Traits::block * shape.rows.kernel * shape.columns.kernel));
    by.kernel_rows = shape.rows.kernel;
    by.kernel_columns = shape.columns.kernel;
    by.x_block = in.plane();
    by.x_row = shape.rows.dilation * in.row();
    by.x_column = shape.columns.dilation * Traits::block;
    by.x_tile_row = shape.rows.stride * in.row();
    by.y_block = out.plane();
    by.y_row = out.row();
    by.term_block = finish.term_layout.plane();
    by.term_row = finish.term_layout.row();
    by.rectifies = finish.rectifies;

    // Windows begin in the border: as far before the first pixel as the padding says.
    std::size_t const corner =
        (in.border - shape.rows.before) * in.row() + (in.border - shape.columns.before) * Traits::block;
    auto const tile = choose_tile(shape.out_height, shape.out_width, finish.pools);
    constexpr std::make_index_sequence<tile_sizes.size()> tiles{};
    for (std::size_t block = 0; block < out_blocks; block += blocks_at_a_time)
        for (std::size_t n = 0; n < shape.batch; ++n) {
            std::size_t const channel = block * lanes<T>;
            tile_work<T> const image{x + n * in.image() + corner,
                                     packed + channel * shape.terms(),
                                     bias + channel,
                                     finish.scale == nullptr ? nullptr : finish.scale + channel,
                                     finish.shift == nullptr ? nullptr : finish.shift + channel,
                                     finish.term == nullptr ? nullptr
                                                            : finish.term + n * finish.term_layout.image() +
                                                                  block * finish.term_layout.plane() +
                                                                  finish.term_layout.first(),
                                     y + n * out.image() + block * out.plane() + out.first()};
            if (block + 1 < out_blocks)
                compute_plane_with<T, 2, Traits>(tile, tiles, of, by, image, scratch);
            else
                compute_plane_with<T, 1, Traits>(tile, tiles, of, by, image, scratch);
        }
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
