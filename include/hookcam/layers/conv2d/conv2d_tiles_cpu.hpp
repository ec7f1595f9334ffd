#pragma once

#include "../../tensor/blocked.hpp"
#include "../../tensor/simd.hpp"
#include "../fusion.hpp"
#include "../pool2d_blocked_cpu.hpp"
#include "conv2d_parameters.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// A convolution of a batch: shapes, layouts, and what follows. `in.block` may be smaller than a vector where the
/// input has few channels; `out.block` is a vector's width, and `out` is the layout of what is stored, so of the
/// pooled output where it pools.
template <class T>
struct conv2d_direct_parameters {
    conv2d_parameters shape;
    detail::blocked_layout in;
    detail::blocked_layout out;
    detail::sum_finish<T> finish;
    std::size_t workers = 1; ///< threads that share the work, each with scratch memory of its own
};

namespace direct {

// What convolutions over blocked channels share, however they make their sums: a tile of output pixels times one or two
// blocks of output channels stays in registers until its sums are done, and what follows is done to it before it is
// stored. No bit of a sum depends on the tile that it is in.

using detail::fold_over;
using detail::load;
using detail::load_all;
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
    T largest;                   ///< where sums are clamped
    T const* coming;             ///< what is read next, and fetched into the cache meanwhile
    std::size_t coming_size = 0; ///< how much that is, for all tiles
    std::size_t coming_step = 0; ///< bytes from term to term; 0 where there is nothing to be fetched
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
    bool clamps;
};

template <class T>
[[nodiscard]] tile_strides strides_of(conv2d_direct_parameters<T> const& of) noexcept {
    auto const& shape = of.shape;
    auto const& in = of.in;
    auto const& out = of.out;
    auto const& finish = of.finish;
    tile_strides by{};
    by.in_blocks = (shape.group_in() + in.block - 1) / in.block;
    by.last_block = shape.group_in() - (by.in_blocks - 1) * in.block;
    by.blocks_of_part = std::max<std::size_t>(1, terms_at_a_time / (in.block * shape.window_size()));
    by.kernel_rows = shape.rows.kernel;
    by.kernel_columns = shape.columns.kernel;
    by.x_block = in.plane();
    by.x_row = shape.rows.dilation * in.row();
    by.x_column = shape.columns.dilation * in.block;
    by.x_tile_row = shape.rows.stride * in.row();
    by.y_block = out.plane();
    by.y_row = out.row();
    by.term_block = finish.term_layout.plane();
    by.term_row = finish.term_layout.row();
    by.rectifies = finish.rectifies;
    by.clamps = finish.clamps();
    return by;
}

/// An image's first tile for the output channels from `channel` on, a multiple of a block. `x` points at the image's
/// first block that they see; its windows begin in the border, as far before the first pixel as the padding says.
template <class T>
[[nodiscard]] tile_work<T> first_tile(conv2d_direct_parameters<T> const& of, std::size_t image,
                                      std::size_t channel, T const* x, T const* weight, T const* bias,
                                      T* y) noexcept {
    auto const& [shape, in, out, finish, workers] = of;
    std::size_t const block = channel / lanes<T>;
    std::size_t const corner =
        (in.border - shape.rows.before) * in.row() + (in.border - shape.columns.before) * in.block;
    auto const* const term = finish.term == nullptr
                                 ? nullptr
                                 : finish.term + image * finish.term_layout.image() +
                                       block * finish.term_layout.plane() + finish.term_layout.first();
    return {x + corner,
            weight,
            bias + channel,
            finish.scale == nullptr ? nullptr : finish.scale + channel,
            finish.shift == nullptr ? nullptr : finish.shift + channel,
            term,
            y + image * out.image() + block * out.plane() + out.first(),
            finish.largest,
            nullptr};
}

/// While a tile's sums are made, what is read next is fetched: a line for every two terms. More would wait for one another,
/// and so would what the sums are made of.
inline constexpr std::size_t bytes_fetched_with_a_term = 32;

/// max(x, 0); NaN passes.
template <class T>
[[gnu::always_inline]] inline vector<T> rectify(vector<T> x) noexcept {
    return x < vector<T>{} ? vector<T>{} : x;
}

/// Computes `Rows`×`Columns` output pixels of `Blocks` blocks of channels. `Terms::add` makes their sums.
template <class T, std::size_t Blocks, std::size_t Rows, std::size_t Columns, class Terms>
void compute_tile(tile_strides const& by, tile_work<T> const& at) noexcept {
    constexpr std::size_t pixels = Rows * Columns;
    vector<T> sums[Blocks * pixels]; // of all pixels of one block, then of the next
    fold_over<Blocks * pixels>([&]<std::size_t... I>(
        std::index_sequence<I...>) __attribute__((always_inline)) {
        vector<T> bias[Blocks];
        load_all(at.bias, bias);
        ((sums[I] = bias[I / pixels]), ...);
        Terms::template add<T, Blocks, pixels, Columns>(by, at, sums);

        if (at.scale != nullptr) {
            vector<T> scale[Blocks], shift[Blocks];
            load_all(at.scale, scale);
            load_all(at.shift, shift);
            ((sums[I] = detail::multiply_add_all<T>(sums[I], scale[I / pixels], shift[I / pixels])), ...);
        }
        if (at.term != nullptr)
            ((sums[I] = sums[I] + load(at.term + I / pixels * by.term_block +
                                       I % pixels / Columns * by.term_row + I % Columns * lanes<T>)),
             ...);
        if (by.rectifies)
            ((sums[I] = rectify<T>(sums[I])), ...);
        if (by.clamps) {
            auto const most = detail::broadcast(at.largest);
            ((sums[I] = most < sums[I] ? most : sums[I]), ...); // NaN passes
        }
        (store(at.y + I / pixels * by.y_block + I % pixels / Columns * by.y_row + I % Columns * lanes<T>,
               sums[I]),
         ...);
    });
}

// --- which tile -------------------------------------------------------------------------------------------------

/// Output pixels of a tile.
struct tile_size {
    std::size_t rows;
    std::size_t columns;
};

/// The pixels whose sums fit the registers beside weights and inputs.
template <std::size_t Blocks>
inline constexpr std::size_t most_pixels = detail::vector_registers >= 32 ? (Blocks == 1 ? 28 : 14)
                                                                          : (Blocks == 1 ? 12 : 6);

/// What covering a plane with a tile costs. Beside each other tiles overlap at the edge; rows that are left over are
/// taken one by one.
[[nodiscard]] constexpr std::size_t cost_of_tile(tile_size tile, std::size_t height,
                                                 std::size_t width) noexcept {
    // A small tile waits for its sums: about as long as one of six pixels takes.
    auto const cost = [](std::size_t pixels) { return std::max<std::size_t>(6, pixels) + 1; };
    std::size_t const across = (width + tile.columns - 1) / tile.columns;
    return across *
           (height / tile.rows * cost(tile.rows * tile.columns) + height % tile.rows * cost(tile.columns));
}

/// The best of all tiles of so many pixels for a plane. One of several rows must be clearly better: where a pooling
/// follows, rows are taken one by one.
[[nodiscard]] constexpr tile_size best_tile(std::size_t most, std::size_t height,
                                            std::size_t width) noexcept {
    tile_size best{1, 1};
    auto const try_tile = [&](tile_size tile, std::size_t percent) {
        if (100 * cost_of_tile(tile, height, width) < percent * cost_of_tile(best, height, width))
            best = tile;
    };
    for (std::size_t columns = std::min(most, width); columns > 0; --columns)
        try_tile({1, columns}, 100);
    for (std::size_t columns = std::min(most, width); columns > 0; --columns)
        for (std::size_t rows = 2; rows <= std::min(most / columns, height); ++rows)
            try_tile({rows, columns}, best.rows == 1 ? 97 : 100);
    return best;
}

/// A plane of outputs whose size is known when it is compiled: there is one tile for it.
template <std::size_t Height, std::size_t Width>
struct known_plane {
    template <std::size_t Blocks>
    static constexpr std::array tiles{best_tile(most_pixels<Blocks>, Height, Width)};
};

/// A plane whose size is read at run time: the best of these, of which the last always fits.
struct any_plane {
    template <std::size_t Blocks>
    static constexpr std::array tiles =
        detail::vector_registers >= 32
            ? (Blocks == 1 ? std::array{tile_size{1, 28}, tile_size{1, 16}, tile_size{1, 14},
                                        tile_size{1, 13}, tile_size{2, 7}, tile_size{3, 4}, tile_size{1, 1}}
                           : std::array{tile_size{1, 14}, tile_size{1, 13}, tile_size{1, 11}, tile_size{1, 8},
                                        tile_size{2, 7}, tile_size{3, 4}, tile_size{1, 1}})
            : std::array{tile_size{1, 6}, tile_size{2, 3}, tile_size{1, 5}, tile_size{1, 4},
                         tile_size{3, 2}, tile_size{1, 3}, tile_size{1, 1}};
};

template <std::size_t Count>
[[nodiscard]] constexpr std::size_t choose_tile(std::array<tile_size, Count> const& tiles, std::size_t height,
                                                std::size_t width) noexcept {
    std::size_t best = Count - 1;
    for (std::size_t i = 0; i < Count; ++i)
        if (tiles[i].rows <= height && tiles[i].columns <= width &&
            cost_of_tile(tiles[i], height, width) < cost_of_tile(tiles[best], height, width))
            best = i;
    return best;
}

// --- planes of outputs ------------------------------------------------------------------------------------------

/// Rows of the convolution's output that pooling keeps at a time.
[[nodiscard]] constexpr std::size_t kept_rows(window const& pool) noexcept {
    return pool.span();
}

/// The rows `band` of what is stored, so of the pooled output where it pools, of one image and `Blocks` blocks of its
/// channels.
template <class T, std::size_t Blocks, std::size_t Rows, std::size_t Columns, class Terms>
void compute_rows(conv2d_direct_parameters<T> const& of, tile_strides const& strides,
                  tile_work<T> const& image, element_range band, T* ring) noexcept {
    auto by = strides;
    std::size_t const width = of.shape.out_width;
    std::size_t fetched = 0;
    auto const compute_row = [&](auto rows, std::size_t row, T* y) {
        for (std::size_t j = 0; j < width; j += Columns) {
            std::size_t const column = std::min(j, width - Columns);
            auto at = image;
            if (fetched < image.coming_size) {
                at.coming += fetched;
                at.coming_step = bytes_fetched_with_a_term;
                fetched += of.shape.terms() * bytes_fetched_with_a_term / sizeof(T);
            }
            at.x += row * by.x_tile_row + column * of.shape.columns.stride * of.in.block;
            if (at.term != nullptr)
                at.term += row * by.term_row + column * lanes<T>;
            at.y = y + column * lanes<T>;
            compute_tile<T, Blocks, rows, Columns, Terms>(by, at);
        }
    };
    constexpr std::integral_constant<std::size_t, Rows> all_rows{};
    constexpr std::integral_constant<std::size_t, 1> one_row{};
    auto const& finish = of.finish;
    if (!finish.pools) {
        std::size_t row = band.begin;
        for (; row + Rows <= band.end; row += Rows)
            compute_row(all_rows, row, image.y + row * by.y_row);
        for (; row < band.end; ++row)
            compute_row(one_row, row, image.y + row * by.y_row);
        return;
    }
    // Rows wait in a ring until the windows that see them are done.
    std::size_t const ring_rows = kept_rows(finish.pool_rows);
    std::size_t const y_block = by.y_block;
    by.y_row = width * lanes<T>;
    by.y_block = ring_rows * by.y_row;
    std::size_t next = 0;
    for (std::size_t i = band.begin; i < band.end; ++i) {
        auto const rows = seen_by(finish.pool_rows, i, of.shape.out_height);
        // Windows behind this one see no row in front of its first, be that in the padding or left out by dilation.
        std::size_t const begin = i * finish.pool_rows.stride;
        for (next = std::max(next, begin - std::min(begin, finish.pool_rows.before)); next < rows.end; ++next)
            compute_row(one_row, next, ring + next % ring_rows * by.y_row);
        for (std::size_t b = 0; b < Blocks; ++b)
            max_of_windows(finish.pool_columns, finish.pool_rows.dilation, rows, ring + b * by.y_block,
                           ring_rows, by.y_row, width, of.out.width,
                           image.y + b * y_block + i * of.out.row());
    }
}

/// The same with the best tile of those that `Plane` has.
template <class T, std::size_t Blocks, class Plane, class Terms>
void compute_band(conv2d_direct_parameters<T> const& of, tile_strides const& by, tile_work<T> const& image,
                  element_range band, T* ring) noexcept {
    constexpr auto const& tiles = Plane::template tiles<Blocks>;
    std::size_t const tile = choose_tile(tiles, of.shape.out_height, of.shape.out_width);
    unroll<tiles.size()>([&](auto i) {
        if (i == tile)
            compute_rows<T, Blocks, tiles[i].rows, tiles[i].columns, Terms>(of, by, image, band, ring);
    });
}

} // namespace direct

/// Elements of scratch memory that each worker of a convolution of tiles needs.
template <class T>
[[nodiscard]] constexpr std::size_t conv2d_direct_scratch(conv2d_direct_parameters<T> const& of) noexcept {
    if (!of.finish.pools)
        return 0;
    return direct::kept_rows(of.finish.pool_rows) * of.shape.out_width * 2 * detail::width<T>;
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
