#pragma once

#include "kernel.hpp"

#include <cstddef>
#include <type_traits>

namespace hookcam::kernels {

/// The sizes of a matrix product, and in how many parts its terms are summed by different blocks.
struct product_sizes {
    unsigned rows = 0;
    unsigned columns = 0;
    unsigned terms = 0;
    unsigned terms_of_a_part = 0;
};

/// One tile of a matrix product, in a block of threads. A problem says what is multiplied, and is never a matrix in
/// memory:
///
/// - `sizes`, and `column column_at(z, n)`: what there is to know of column n, found once and not for each term;
/// - `float a(z, m, k)` and `float b(z, k, column)`; `terms_first_a` and `terms_first_b` say whether neighbours in memory
///   are neighbouring terms;
/// - `void store(z, m, n, sum)`, where z counts groups and, in the grid's last axis, parts of the terms; a problem that has
///   a type `row` gets what `row_at(z, m)` returns in place of m, found once and not for each column.
///
/// Rounding errors grow with the length of a sum: as on the CPU, parts of it are summed by themselves.
template <class Problem, unsigned TileRows, unsigned TileColumns, unsigned TileTerms, unsigned Rows,
          unsigned Columns>
struct product_tile {
    static constexpr char const* name = Problem::name;
    static constexpr unsigned threads = (TileRows / Rows) * (TileColumns / Columns);
    static constexpr unsigned tiles_of_a_sum = 192 / TileTerms;
    static_assert(TileRows % Rows == 0 && TileColumns % Columns == 0);
    static_assert(threads % TileTerms == 0 && threads % TileRows == 0 && threads % TileColumns == 0);

    struct shared {
        float a[TileTerms][TileRows + 4];
        float b[TileTerms][TileColumns + 4];
    };
    struct sums {
        float at[Rows][Columns];
    };

    Problem problem;

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        using column = typename Problem::column;
        auto const& sizes = problem.sizes;
        unsigned const z = block.z;
        unsigned const first_row = block.y * TileRows;
        unsigned const first_column = block.x * TileColumns;
        unsigned const begin = problem.part_of(z) * sizes.terms_of_a_part;
        unsigned const end =
            begin + sizes.terms_of_a_part < sizes.terms ? begin + sizes.terms_of_a_part : sizes.terms;
        auto& tile = block.shared();

        typename Block::template per_thread<sums> total;
        typename Block::template per_thread<sums> part;
        typename Block::template per_thread<column> own_column;
        block.each([&](unsigned thread) {
            clear(total[thread]);
            clear(part[thread]);
            if constexpr (!Problem::terms_first_b)
                own_column[thread] = problem.column_at(z, first_column + thread % TileColumns);
        });

        unsigned summed = 0;
        for (unsigned first = begin; first < end; first += TileTerms) {
            block.each([&](unsigned thread) {
                load_a(tile, thread, z, first_row, first, end);
                if constexpr (Problem::terms_first_b)
                    load_b_by_terms(tile, thread, z, first_column, first, end);
                else
                    load_b_by_columns(tile, thread, z, first_column, first, end, own_column[thread]);
            });
            bool const ends_part = ++summed == tiles_of_a_sum || first + TileTerms >= end;
            block.each([&](unsigned thread) {
                multiply(tile, thread, part[thread]);
                if (ends_part) {
                    add(total[thread], part[thread]);
                    clear(part[thread]);
                }
            });
            if (ends_part)
                summed = 0;
        }

        block.last([&](unsigned thread) {
            unsigned const row = first_row + thread / (TileColumns / Columns) * Rows;
            unsigned const column_begin = first_column + thread % (TileColumns / Columns) * Columns;
            HOOKCAM_UNROLL
            for (unsigned i = 0; i < Rows; ++i) {
                if (row + i >= sizes.rows)
                    break;
                auto const row_of = row_at(z, row + i);
                HOOKCAM_UNROLL
                for (unsigned j = 0; j < Columns; ++j)
                    if (column_begin + j < sizes.columns)
                        problem.store(z, row_of, column_begin + j, total[thread].at[i][j]);
            }
        });
    }

private:
    [[nodiscard]] HOOKCAM_DEVICE auto row_at(unsigned z, unsigned m) const {
        if constexpr (requires { typename Problem::row; })
            return problem.row_at(z, m);
        else
            return m;
    }

    HOOKCAM_DEVICE static void clear(sums& of) {
        HOOKCAM_UNROLL
        for (unsigned i = 0; i < Rows; ++i)
            HOOKCAM_UNROLL
        for (unsigned j = 0; j < Columns; ++j)
            of.at[i][j] = 0;
    }

    HOOKCAM_DEVICE static void add(sums& to, sums const& of) {
        HOOKCAM_UNROLL
        for (unsigned i = 0; i < Rows; ++i)
            HOOKCAM_UNROLL
        for (unsigned j = 0; j < Columns; ++j)
            to.at[i][j] += of.at[i][j];
    }

    HOOKCAM_DEVICE static void multiply(shared const& tile, unsigned thread, sums& to) {
        unsigned const row = thread / (TileColumns / Columns) * Rows;
        unsigned const column = thread % (TileColumns / Columns) * Columns;
        HOOKCAM_UNROLL
        for (unsigned k = 0; k < TileTerms; ++k) {
            float a[Rows];
            float b[Columns];
            HOOKCAM_UNROLL
            for (unsigned i = 0; i < Rows; ++i)
                a[i] = tile.a[k][row + i];
            HOOKCAM_UNROLL
            for (unsigned j = 0; j < Columns; ++j)
                b[j] = tile.b[k][column + j];
            HOOKCAM_UNROLL
            for (unsigned i = 0; i < Rows; ++i)
                HOOKCAM_UNROLL
            for (unsigned j = 0; j < Columns; ++j)
                to.at[i][j] += a[i] * b[j];
        }
    }

    HOOKCAM_DEVICE void load_a(shared& tile, unsigned thread, unsigned z, unsigned first_row, unsigned first,
                               unsigned end) const {
        constexpr unsigned across = Problem::terms_first_a ? TileTerms : TileRows;
        constexpr unsigned along = Problem::terms_first_a ? TileRows : TileTerms;
        HOOKCAM_UNROLL
        for (unsigned i = 0; i < along; i += threads / across) {
            unsigned const fast = thread % across;
            unsigned const slow = thread / across + i;
            if (along % (threads / across) != 0 && slow >= along)
                break;
            unsigned const row = Problem::terms_first_a ? slow : fast;
            unsigned const term = Problem::terms_first_a ? fast : slow;
            tile.a[term][row] = first + term < end && first_row + row < problem.sizes.rows
                                    ? problem.a(z, first_row + row, first + term)
                                    : 0.0f;
        }
    }

    HOOKCAM_DEVICE void load_b_by_columns(shared& tile, unsigned thread, unsigned z, unsigned first_column,
                                          unsigned first, unsigned end,
                                          typename Problem::column const& column) const {
        unsigned const n = thread % TileColumns;
        HOOKCAM_UNROLL
        for (unsigned i = 0; i < TileTerms; i += threads / TileColumns) {
            unsigned const term = thread / TileColumns + i;
            if (TileTerms % (threads / TileColumns) != 0 && term >= TileTerms)
                break;
            tile.b[term][n] = first + term < end && first_column + n < problem.sizes.columns
                                  ? problem.b(z, first + term, column)
                                  : 0.0f;
        }
    }

    HOOKCAM_DEVICE void load_b_by_terms(shared& tile, unsigned thread, unsigned z, unsigned first_column,
                                        unsigned first, unsigned end) const {
        unsigned const term = thread % TileTerms;
        HOOKCAM_UNROLL
        for (unsigned i = 0; i < TileColumns; i += threads / TileTerms) {
            unsigned const n = thread / TileTerms + i;
            if (TileColumns % (threads / TileTerms) != 0 && n >= TileColumns)
                break;
            tile.b[term][n] = first + term < end && first_column + n < problem.sizes.columns
                                  ? problem.b(z, first + term, problem.column_at(z, first_column + n))
                                  : 0.0f;
        }
    }
};

/// Tiles for products with many results, and for those that would else fill a few blocks only.
template <class Problem>
using large_product_tile = product_tile<Problem, 64, 64, 16, 4, 4>;
template <class Problem>
using small_product_tile = product_tile<Problem, 32, 32, 16, 2, 2>;

/// Runs a product. The tiles depend on the sizes alone.
template <class Device, class Problem>
void product(Device const& on, Problem const& problem, std::size_t depth) {
    auto const& sizes = problem.sizes;
    auto const launch = [&]<class Tile>(Tile const& tile, std::size_t rows, std::size_t columns) {
        on.launch(
            kernel_grid{detail::parts_of(sizes.columns, columns), detail::parts_of(sizes.rows, rows), depth},
            tile);
    };
    // A GPU has about a hundred processors; each should have a block or two.
    bool const is_large =
        detail::parts_of(sizes.columns, 64) * detail::parts_of(sizes.rows, 64) * depth >= 256;
    if (is_large && sizes.rows > 32)
        launch(large_product_tile<Problem>{problem}, 64, 64);
    else
        launch(small_product_tile<Problem>{problem}, 32, 32);
}

} // namespace hookcam::kernels
