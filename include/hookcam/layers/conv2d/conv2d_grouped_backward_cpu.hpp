#pragma once

#include "../../tensor/blocked.hpp"
#include "../../tensor/device.hpp"
#include "../../tensor/simd.hpp"
#include "conv2d_backward_direct_cpu.hpp"
#include "conv2d_backward_weights_cpu.hpp"
#include "conv2d_grouped_cpu.hpp"
#include "conv2d_parameters.hpp"

#include <algorithm>
#include <cstddef>
#include <type_traits>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// The channels of one group at a time, of an image in blocks: where they lie, if each group begins a block, else, where it
/// `Copies` them, in blocks of their own.
template <class T, bool Copies>
class group_channels {
public:
    /// A copy has blocks and a border like these, and lies at `copy`.
    group_channels(detail::blocked_layout const& all, std::size_t channels, std::size_t block,
                   std::size_t border, T* copy) noexcept
        : layout{channels, all.height, all.width, Copies ? block : all.block, Copies ? border : all.border},
          m_all{all},
          m_copy{copy} {
        if constexpr (Copies)
            detail::clear_border(layout, 1, copy);
    }

    detail::blocked_layout layout; ///< of one group

    /// A group of an image, to be read.
    [[nodiscard]] T const* read(std::size_t group, T const* image) const noexcept {
        if constexpr (!Copies)
            return image + group * layout.blocks() * layout.plane();
        copy_channels(m_all, group * layout.channels, image, layout, 0, layout.channels, m_copy);
        return m_copy;
    }
    /// Where a group of an image is to be written, before `written` is called.
    [[nodiscard]] T* place(std::size_t group, T* image) const noexcept {
        return Copies ? m_copy : image + group * layout.blocks() * layout.plane();
    }
    void written(std::size_t group, T* image) const noexcept {
        if constexpr (Copies)
            copy_channels(layout, 0, static_cast<T const*>(m_copy), m_all, group * layout.channels,
                          layout.channels, image);
    }

private:
    detail::blocked_layout m_all;
    T* m_copy;
};

// The backward of a convolution whose blocks hold whole groups, as many channels in as out: depthwise among them. Lanes
// of a vector see lanes of the same vector, as they do forward.

/// Packs weights Out,In/groups,kh,kw for `conv2d_backward_within_vectors`: phase, block, row and column of the window
/// turned around, output channel of the group, lane of the input. What fills up the last block is zero already.
template <class T>
void conv2d_backward_pack_lanes(conv2d_parameters const& of, T const* weight, T* packed) noexcept {
    constexpr std::size_t lanes = detail::width<T>;
    std::size_t const group = of.group_in();
    for_each_backward_phase(of, [&](backward_phase const& rows, backward_phase const& columns) {
        for (std::size_t first = 0; first < of.in_channels; first += lanes)
            for (std::size_t row = 0; row < rows.over.kernel; ++row)
                for (std::size_t column = 0; column < columns.over.kernel; ++column)
                    for (std::size_t o = 0; o < group; ++o, packed += lanes)
                        for (std::size_t i = first; i < std::min(first + lanes, of.in_channels); ++i)
                            packed[i - first] =
                                weight[((i - i % group + o) * group + i % group) * of.window_size() +
                                       rows.tap(row) * of.columns.kernel + columns.tap(column)];
    });
}

/// The gradient of the input of one image, of groups of `Group` channels. `packed` comes from
/// `conv2d_backward_pack_lanes`, and ends with zeros that stand for a bias.
template <std::size_t Group, class T>
void conv2d_backward_within_vectors(cpu device, conv2d_backward_direct_parameters const& of, T const* grad_y,
                                    T const* packed, T* grad_x, T* scratch) noexcept {
    T const* const zeros =
        packed + of.grad_x.blocks() * of.grad_x.block * of.shape.group_out() * of.shape.window_size();
    for_each_phase_of_gradient(of, packed, grad_x, scratch,
                               [&](conv2d_direct_parameters<T> const& phase, T const* weights, T* to) {
                                   conv2d_within_vectors<direct::lane_traits<Group, 1>>(
                                       device, phase, grad_y, weights, zeros, to, static_cast<T*>(nullptr));
                               });
}

/// Elements of the sums of `conv2d_backward_weights_within_vectors`: block, row and column of the window, input channel of
/// the group, lane.
[[nodiscard]] constexpr std::size_t
conv2d_sums_within_vectors(conv2d_backward_weights_parameters const& of) noexcept {
    return of.grad_y.blocks() * of.grad_y.block * of.shape.terms();
}

namespace weights {

/// The tile of a window whose elements bring `Group` sums each: some neighbouring columns, or some whole rows.
template <std::size_t Group, std::size_t Rows, std::size_t Columns>
struct window_tile {
    /// The size of all pieces but the last, where so many are cut into the fewest that are not larger than `most`.
    static constexpr std::size_t cut(std::size_t size, std::size_t most) {
        std::size_t const pieces = (size + most - 1) / most;
        return (size + pieces - 1) / pieces;
    }
    static constexpr std::size_t columns = cut(Columns, std::max<std::size_t>(1, most_sums / Group));
    static constexpr std::size_t rows =
        columns < Columns ? 1 : cut(Rows, std::max<std::size_t>(1, most_sums / (Group * Columns)));
};

/// Adds to the sums of `Rows`×`Columns` elements of the window what a band brings. Rows of the window lie `x_row` apart in
/// x and `sums_row` apart in `sums`, columns `x_column` in x and next to each other in `sums`.
template <std::size_t Group, std::size_t Rows, std::size_t Columns, class T>
void add_band_within_vectors(band const& of, std::size_t x_row, std::size_t x_column, std::size_t sums_row,
                             T const* x, T const* grad_y, T* sums) noexcept {
    vector<T> part[Rows * Columns][Group]{};
    for (std::size_t i = 0; i < of.rows; ++i) {
        T const* seen = x + i * of.x_row;
        T const* slope = grad_y + i * of.y_row;
        for (std::size_t j = 0; j < of.columns; ++j, seen += of.x_column, slope += lanes<T>) {
            auto const slopes = load(slope);
            unroll<Rows * Columns>([&](auto t) __attribute__((always_inline)) {
                auto const here = load(seen + t / Columns * x_row + t % Columns * x_column);
                unroll<Group>([&](auto c) __attribute__((always_inline)) {
                    part[t][c] = detail::multiply_add_all<T>(
                        slopes, direct::channel_of_groups<Group, c, T>(here), part[t][c]);
                });
            });
        }
    }
    unroll<Rows * Columns>([&](auto t) __attribute__((always_inline)) {
        unroll<Group>([&](auto c) __attribute__((always_inline)) {
            T* const at = sums + t / Columns * sums_row + (t % Columns * Group + c) * lanes<T>;
            store(at, of.is_first ? part[t][c] : load(at) + part[t][c]);
        });
    });
}

/// Calls `visit(constant size, first)` for each piece of `Size` things, `Piece` of them at a time.
template <std::size_t Size, std::size_t Piece, class Visit>
[[gnu::always_inline]] inline void for_each_cut(Visit visit) {
    std::size_t first = 0;
    for (; first + Piece <= Size; first += Piece)
        visit(std::integral_constant<std::size_t, Piece>{}, first);
    if constexpr (Size % Piece != 0)
        visit(std::integral_constant<std::size_t, Size % Piece>{}, first);
}

} // namespace weights

/// Adds to the sums of a share of the blocks what one image brings; the first image finds none there. The window has
/// `Rows`×`Columns` elements.
template <std::size_t Group, std::size_t Rows, std::size_t Columns, class T>
void conv2d_backward_weights_within_vectors(cpu, conv2d_backward_weights_parameters const& of,
                                            share_of_work const& share, bool is_first, T const* x,
                                            T const* grad_y, T* sums) noexcept {
    using namespace weights;
    using tile = window_tile<Group, Rows, Columns>;
    auto const& shape = of.shape;
    auto const& in = of.x;
    auto const& out = of.grad_y;
    std::size_t const x_row = shape.rows.dilation * in.row();
    std::size_t const x_column = shape.columns.dilation * lanes<T>;
    constexpr std::size_t sums_row = Columns * Group * lanes<T>;
    x += (in.border - shape.rows.before) * in.row() + (in.border - shape.columns.before) * in.block;
    grad_y += out.first();
    std::size_t const rows_of_band = of.rows_of_band();
    for (std::size_t block = share.index; block < out.blocks(); block += share.count)
        for (std::size_t first = 0; first < shape.out_height; first += rows_of_band) {
            band const here{is_first && first == 0,
                            std::min(rows_of_band, shape.out_height - first),
                            shape.out_width,
                            shape.rows.stride * in.row(),
                            shape.columns.stride * in.block,
                            out.plane(),
                            out.row()};
            T const* const seen = x + block * in.plane() + first * here.x_row;
            T const* const slopes = grad_y + block * out.plane() + first * here.y_row;
            T* const to = sums + block * Rows * sums_row;
            auto const add = [&](auto rows, std::size_t row, auto columns, std::size_t column) {
                add_band_within_vectors<Group, rows(), columns()>(
                    here, x_row, x_column, sums_row, seen + row * x_row + column * x_column, slopes,
                    to + row * sums_row + column * Group * lanes<T>);
            };
            for_each_cut<Rows, tile::rows>([&](auto rows, std::size_t row) {
                for_each_cut<Columns, tile::columns>(
                    [&](auto columns, std::size_t column) { add(rows, row, columns, column); });
            });
        }
}

/// Copies the sums to where the weights' gradient lies: Out,In/groups,kh,kw.
template <class T>
void conv2d_unpack_lanes(conv2d_parameters const& of, T const* sums, T* grad_weight) noexcept {
    constexpr std::size_t lanes = detail::width<T>;
    std::size_t const group = of.group_in();
    std::size_t const window = of.window_size();
    for (std::size_t o = 0; o < of.out_channels; ++o)
        for (std::size_t c = 0; c < group; ++c)
            for (std::size_t at = 0; at < window; ++at)
                grad_weight[(o * group + c) * window + at] =
                    sums[((o / lanes * window + at) * group + c) * lanes + o % lanes];
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
