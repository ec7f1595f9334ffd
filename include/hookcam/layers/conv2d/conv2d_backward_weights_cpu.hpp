#pragma once

#include "../../tensor/blocked.hpp"
#include "../../tensor/device.hpp"
#include "../../tensor/simd.hpp"
#include "../../tensor/transpose.hpp"
#include "conv2d_parameters.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

// The gradient of a convolution's weights: for each weight the sum over all pixels of the input that it met times the
// gradient of the output there. A tile of weights stays in registers while a band of rows passes by: some blocks of
// output channels, a vector each, times some neighbouring numbers of the input. Every sum is made band by band and image
// by image, whatever the tile.

/// A convolution's backward to its weights: its own sizes, and where the input and the gradient of the output lie, as in
/// `conv2d_direct_parameters`.
struct conv2d_backward_weights_parameters {
    conv2d_parameters shape;
    detail::blocked_layout x;
    detail::blocked_layout grad_y;

    /// Output rows that are summed at a time.
    [[nodiscard]] constexpr std::size_t rows_of_band() const noexcept {
        std::size_t const pixels = shape.out_height * shape.out_width;
        std::size_t const bands =
            std::min(shape.out_height, (pixels + terms_at_a_time - 1) / terms_at_a_time);
        return (shape.out_height + bands - 1) / bands;
    }
    /// Input channels, with those that fill up the last block, times elements of the window.
    [[nodiscard]] constexpr std::size_t terms() const noexcept {
        return x.blocks() * x.block * shape.rows.kernel * shape.columns.kernel;
    }
};

/// Every `count`-th of some things, from `index` on: what one of `count` helpers does.
struct share_of_work {
    std::size_t index = 0;
    std::size_t count = 1;
};

namespace weights {

using detail::fold_over;
using detail::load;
using detail::store;
using detail::unroll;
using detail::vector;
template <class T>
inline constexpr std::size_t lanes = detail::width<T>;

/// The sums that are in registers at a time, beside what they are made of.
inline constexpr std::size_t most_sums = detail::vector_registers >= 32 ? 20 : 12;

/// The tiles of `OutBlocks` blocks of output channels and rows of `Piece` neighbouring numbers of the input: all of one
/// size, but for those at the end.
template <std::size_t OutBlocks, std::size_t Piece>
struct tiling {
    static constexpr std::size_t most_blocks = Piece >= 5 && detail::vector_registers >= 32 ? 2 : 3;
    static constexpr std::size_t groups = (OutBlocks + most_blocks - 1) / most_blocks;
    static constexpr std::size_t blocks = (OutBlocks + groups - 1) / groups;
    static constexpr std::size_t last_blocks = OutBlocks - (groups - 1) * blocks;

    static constexpr std::size_t most_terms = most_sums / blocks;
    static constexpr std::size_t tiles = (Piece + most_terms - 1) / most_terms;
    static constexpr std::size_t terms = (Piece + tiles - 1) / tiles;
    static constexpr std::size_t last_terms = Piece - Piece / terms * terms;
};

/// Tells of one thing after the other whether it is in a share.
class turns {
public:
    explicit turns(share_of_work const& share) noexcept : m_share{share}, m_others{share.index} {}

    [[nodiscard]] bool next() noexcept {
        bool const is_ours = m_others == 0;
        m_others = (is_ours ? m_share.count : m_others) - 1;
        return is_ours;
    }

private:
    share_of_work m_share;
    std::size_t m_others; ///< that come first
};

/// A band of rows, and the steps from pixel to pixel in it.
struct band {
    bool is_first;
    std::size_t rows;
    std::size_t columns;
    std::size_t x_row;
    std::size_t x_column;
    std::size_t y_block;
    std::size_t y_row;
};

/// Adds to `Terms` times `Blocks` vectors of sums what a band brings. The first one finds no sums there.
template <std::size_t Blocks, std::size_t Terms, class T>
void add_band(band const& of, T const* x, T const* grad_y, T* sums) noexcept {
    vector<T> part[Terms * Blocks]{}; // of all blocks of one term, then of the next
    for (std::size_t i = 0; i < of.rows; ++i) {
        T const* seen = x + i * of.x_row;
        T const* slope = grad_y + i * of.y_row;
#pragma GCC unroll 4
        for (std::size_t j = 0; j < of.columns; ++j, seen += of.x_column, slope += lanes<T>) {
            vector<T> slopes[Blocks];
            unroll<Blocks>([&](auto b)
                               __attribute__((always_inline)) { slopes[b] = load(slope + b * of.y_block); });
            fold_over<Terms * Blocks>([&]<std::size_t... I>(
                std::index_sequence<I...>) __attribute__((always_inline)) {
                ((part[I] = detail::multiply_add_all<T>(slopes[I % Blocks],
                                                        detail::broadcast(seen[I / Blocks]), part[I])),
                 ...);
            });
        }
    }
    fold_over<Terms * Blocks>([&]<std::size_t... I>(
        std::index_sequence<I...>) __attribute__((always_inline)) {
        (store(sums + I * lanes<T>, of.is_first ? part[I] : load(sums + I * lanes<T>) + part[I]), ...);
    });
}

/// Adds a band's part for a group of `Blocks` blocks of output channels, to those tiles whose turn it is.
template <std::size_t Blocks, class Tiling, std::size_t Piece, class T>
void add_group(conv2d_backward_weights_parameters const& of, band const& here, turns& turn, T const* x,
               T const* grad_y, T* sums) noexcept {
    auto const& shape = of.shape;
    std::size_t const pieces = shape.columns.kernel * of.x.block / Piece;
    for (std::size_t block = 0; block < of.x.blocks(); ++block) {
        // Of numbers that fill up the last block nobody asks for the sums.
        std::size_t const wanted = Piece == of.x.block ? of.x.channels_of(block) : Piece;
        for (std::size_t row = 0; row < shape.rows.kernel; ++row)
            for (std::size_t piece = 0; piece < pieces; ++piece, sums += Piece * Blocks * lanes<T>) {
                T const* const seen = x + block * of.x.plane() + row * shape.rows.dilation * of.x.row() +
                                      piece * shape.columns.dilation * of.x.block;
                std::size_t t = 0;
                for (; t < wanted && t + Tiling::terms <= Piece; t += Tiling::terms)
                    if (turn.next())
                        add_band<Blocks, Tiling::terms>(here, seen + t, grad_y, sums + t * Blocks * lanes<T>);
                if constexpr (Tiling::last_terms != 0)
                    if (t < wanted && turn.next())
                        add_band<Blocks, Tiling::last_terms>(here, seen + t, grad_y,
                                                             sums + t * Blocks * lanes<T>);
            }
    }
}

/// Calls `visit(constant blocks, first block)` for each group of blocks of output channels.
template <std::size_t OutBlocks, class Tiling, class Visit>
void for_each_group(Visit visit) {
    for (std::size_t group = 0; group + 1 < Tiling::groups; ++group)
        visit(std::integral_constant<std::size_t, Tiling::blocks>{}, group * Tiling::blocks);
    visit(std::integral_constant<std::size_t, Tiling::last_blocks>{}, OutBlocks - Tiling::last_blocks);
}

} // namespace weights

/// Neighbouring numbers of the input that a row of a window sees in one piece: a block's, or all of the row where it has
/// only one block and its columns are neighbours.
[[nodiscard]] constexpr std::size_t conv2d_piece(std::size_t in_channels, std::size_t block,
                                                 window const& columns) noexcept {
    return in_channels == block && columns.dilation == 1 ? block * columns.kernel : block;
}

/// Adds to a share of the sums what one image brings; the first image finds none there. `Piece` is the input's
/// `conv2d_piece`.
template <std::size_t OutBlocks, std::size_t Piece, class T>
void conv2d_backward_weights(cpu, conv2d_backward_weights_parameters const& of, share_of_work const& share,
                             bool is_first, T const* x, T const* grad_y, T* sums) noexcept {
    using tiling = weights::tiling<OutBlocks, Piece>;
    auto const& shape = of.shape;
    auto const& in = of.x;
    auto const& out = of.grad_y;
    // Windows begin in the border: as far before the first pixel as the padding says.
    x += (in.border - shape.rows.before) * in.row() + (in.border - shape.columns.before) * in.block;
    grad_y += out.first();
    std::size_t const rows = of.rows_of_band();
    for (std::size_t first = 0; first < shape.out_height; first += rows) {
        weights::band const here{is_first && first == 0,
                                 std::min(rows, shape.out_height - first),
                                 shape.out_width,
                                 shape.rows.stride * in.row(),
                                 shape.columns.stride * in.block,
                                 out.plane(),
                                 out.row()};
        weights::turns turn{share};
        weights::for_each_group<OutBlocks, tiling>([&](auto blocks, std::size_t block) {
            weights::add_group<blocks(), tiling, Piece>(of, here, turn, x + first * here.x_row,
                                                        grad_y + block * out.plane() + first * here.y_row,
                                                        sums + block * out.block * of.terms());
        });
    }
}

/// Where the terms of the weights' gradient, in order of input channel, row and column, lie among the sums of a group.
class weight_terms {
public:
    weight_terms(conv2d_backward_weights_parameters const& of, std::size_t term) noexcept
        : m_window{of.shape.rows.kernel * of.shape.columns.kernel},
          m_block{of.x.block},
          m_tap{term % m_window},
          m_channel{term / m_window % m_block},
          m_first{term / m_window / m_block * m_block * m_window} {}

    /// This term's place; goes on to the next.
    [[nodiscard, gnu::always_inline]] std::size_t next() noexcept {
        std::size_t const here = m_first + m_tap * m_block + m_channel;
        if (++m_tap == m_window) {
            m_tap = 0;
            if (++m_channel == m_block) {
                m_channel = 0;
                m_first += m_block * m_window;
            }
        }
        return here;
    }

private:
    std::size_t m_window;
    std::size_t m_block;
    std::size_t m_tap;
    std::size_t m_channel; ///< of its block
    std::size_t m_first;   ///< of its block
};

namespace weights {

/// Copies the sums of one block of output channels to where the weights' gradient lies: Out,In,kh,kw. `step` is the
/// distance from term to term.
template <class T>
void unpack_block(conv2d_backward_weights_parameters const& of, std::size_t channels, std::size_t step,
                  T const* sums, T* grad_weight) noexcept {
    std::size_t const count = of.shape.terms();
    if (count < lanes<T>) {
        weight_terms places{of, 0};
        for (std::size_t term = 0; term < count; ++term) {
            T const* const sum = sums + places.next() * step;
            for (std::size_t o = 0; o < channels; ++o)
                grad_weight[o * count + term] = sum[o];
        }
        return;
    }
    detail::for_each_square<T>(count, [&](std::size_t term) {
        vector<T> square[lanes<T>];
        weight_terms places{of, term};
        unroll<lanes<T>>([&](auto t) { square[t] = load(sums + places.next() * step); });
        detail::transpose<T>(square);
        unroll<lanes<T>>([&](auto o) {
            if (o < channels)
                store(grad_weight + o * count + term, square[o]);
        });
    });
}

} // namespace weights

/// Copies the sums to where the weights' gradient lies: Out,In,kh,kw.
template <std::size_t OutBlocks, std::size_t Piece, class T>
void conv2d_unpack_weights(conv2d_backward_weights_parameters const& of, T const* sums,
                           T* grad_weight) noexcept {
    using namespace weights;
    auto const& shape = of.shape;
    for_each_group<OutBlocks, tiling<OutBlocks, Piece>>([&](auto blocks, std::size_t first) {
        for (std::size_t b = 0; b < blocks(); ++b) {
            std::size_t const channel = (first + b) * lanes<T>;
            unpack_block(of, std::min(lanes<T>, shape.out_channels - channel), blocks() * lanes<T>,
                         sums + first * lanes<T> * of.terms() + b * lanes<T>,
                         grad_weight + channel * shape.terms());
        }
    });
}

/// Adds to each output channel's sum what one image brings, of a share of the blocks: the gradient of the bias, padded to
/// whole blocks.
template <class T>
void conv2d_backward_bias(cpu, conv2d_backward_weights_parameters const& of, share_of_work const& share,
                          T const* grad_y, T* sums) noexcept {
    using namespace weights;
    constexpr std::size_t at_a_time = 4; // sums that do not wait for one another
    auto const& out = of.grad_y;
    std::size_t const rows = of.rows_of_band();
    for (std::size_t block = share.index; block < out.blocks(); block += share.count) {
        T const* const plane = grad_y + block * out.plane() + out.first();
        T* const total = sums + block * lanes<T>;
        for (std::size_t first = 0; first < out.height; first += rows) {
            vector<T> part[at_a_time]{};
            for (std::size_t i = first; i < std::min(first + rows, out.height); ++i) {
                T const* const row = plane + i * out.row();
                std::size_t j = 0;
                for (; j + at_a_time <= out.width; j += at_a_time)
                    unroll<at_a_time>([&](auto p) { part[p] = part[p] + load(row + (j + p) * lanes<T>); });
                for (; j < out.width; ++j)
                    part[0] = part[0] + load(row + j * lanes<T>);
            }
            store(total, load(total) + ((part[0] + part[1]) + (part[2] + part[3])));
        }
    }
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
