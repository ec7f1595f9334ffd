#pragma once

#include "../core/threads.hpp"
#include "blas.hpp"
#include "device.hpp"
#include "simd.hpp"
#include "transpose.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// Where the numbers of a matrix lie: element (i, j) at `at[i·row + j·column]`. One of both steps is 1.
template <class T>
struct matrix_places {
    T* at;
    std::size_t row, column;

    [[nodiscard]] matrix_places across() const noexcept { return {at, column, row}; }
    [[nodiscard]] T* operator()(std::size_t i, std::size_t j) const noexcept {
        return at + i * row + j * column;
    }
};

// C = A·B in tiles: the sums of a tile stay in registers while rows of A are multiplied, number by number, with whole
// vectors of B. B is packed as the tiles read it: for each term of the sums, the columns of a panel. Every element of C
// is summed in the same order wherever its tile lies, in parts of so many terms: so its bits depend on nothing but its
// row, its column and what it is added to.

/// Rows of A in a tile: with two vectors of columns they leave registers for those and for a number of A.
inline constexpr std::size_t rows_of_tile = vector_registers == 32 ? 14 : 6;
/// Vectors of columns in a panel of B.
inline constexpr std::size_t vectors_of_panel = 2;
template <class T>
inline constexpr std::size_t columns_of_panel = vectors_of_panel* width<T>;
/// Rows of C that are made before they are put across: a whole number of tiles, and of squares of vectors.
inline constexpr std::size_t rows_of_group = 8 * rows_of_tile;
/// Terms that are summed at a time.
inline constexpr std::size_t terms_of_part = 256;

/// The panel that is read next: it is fetched into the second cache while another one is multiplied, a line with each
/// term. All at once, lines would hold up what is being multiplied.
template <class T>
class coming_panel {
public:
    /// None.
    coming_panel() = default;
    /// `rows` rows of `columns` neighbouring numbers, `row` apart.
    coming_panel(T const* at, std::size_t row, std::size_t rows, std::size_t columns) noexcept
        : m_at{at},
          m_row{row},
          m_rows{rows},
          m_columns{columns} {}

    [[nodiscard]] bool is_there() const noexcept { return m_rows == 0; }
    /// The next line of it, which must not be there yet.
    [[gnu::always_inline]] void fetch_line() noexcept {
        __builtin_prefetch(m_at + m_column, 0, 2);
        m_column += 64 / sizeof(T);
        if (m_column >= m_columns) {
            m_column = 0;
            m_at += m_row;
            --m_rows;
        }
    }

private:
    T const* m_at = nullptr;
    std::size_t m_row = 0;
    std::size_t m_rows = 0; ///< that are left
    std::size_t m_columns = 0;
    std::size_t m_column = 0;
};

/// `Rows` rows of C by `Vectors` vectors: the sums of the terms, and what lies at `added` (null: nothing).
template <std::size_t Rows, std::size_t Vectors, class T>
void multiply_tile(std::size_t terms, matrix_places<T const> const& a, T const* b, std::size_t b_term,
                   T const* added, std::size_t added_row, T* c, std::size_t c_row,
                   coming_panel<T>& coming) noexcept {
    constexpr std::size_t lanes = width<T>;
    vector<T> sums[Rows * Vectors]{};
    // An address has room for one step, taken once or twice: so three rows share a pointer.
    constexpr std::size_t pointers = (Rows + 2) / 3;
    T const* from[pointers];
    unroll<pointers>([&](auto p) { from[p] = a.at + 3 * p * a.row; });
    std::size_t const row = a.row, term = a.column;
    auto const add_term = [&]() __attribute__((always_inline)) {
        vector<T> columns[Vectors];
        load_all(b, columns);
        b += b_term;
        fold_over<Rows * Vectors>([&]<std::size_t... I>(
            std::index_sequence<I...>) __attribute__((always_inline)) {
            ((sums[I] = multiply_add_all<T>(
                  columns[I % Vectors], broadcast(from[I / Vectors / 3][I / Vectors % 3 * row]), sums[I])),
             ...);
        });
        unroll<pointers>([&](auto p) { from[p] = forgotten(from[p] + term); });
    };
    std::size_t k = 0;
    for (; k < terms && !coming.is_there(); ++k) {
        coming.fetch_line();
        add_term();
    }
    for (; k < terms; ++k)
        add_term();
    auto const finish_row = [&](vector<T> const* row_of_sums) __attribute__((always_inline)) {
        unroll<Vectors>([&](auto v) {
            auto sum = row_of_sums[v];
            if (added != nullptr)
                sum = load(added + v * lanes) + sum;
            store(c + v * lanes, sum);
        });
        added = added == nullptr ? nullptr : forgotten(added + added_row);
        c += c_row;
        asm("" : "+r"(c));
    };
    fold_over<Rows>([&]<std::size_t... R>(std::index_sequence<R...>)
                        __attribute__((always_inline)) { (finish_row(sums + R * Vectors), ...); });
}

/// The same for any number of rows, with as many at a time as there are, then half of that, and so on.
template <std::size_t Rows, std::size_t Vectors, class T>
void multiply_rows(std::size_t rows, std::size_t terms, matrix_places<T const> a, T const* b,
                   std::size_t b_term, T const* added, std::size_t added_row, T* c, std::size_t c_row,
                   coming_panel<T>& coming) noexcept {
    for (; rows >= Rows; rows -= Rows) {
        multiply_tile<Rows, Vectors>(terms, a, b, b_term, added, added_row, c, c_row, coming);
        a.at += Rows * a.row;
        if (added != nullptr)
            added += Rows * added_row;
        c += Rows * c_row;
    }
    if constexpr (Rows > 1)
        if (rows > 0)
            multiply_rows<(Rows > 8   ? 8
                           : Rows > 4 ? 4
                                      : Rows / 2),
                          Vectors>(rows, terms, a, b, b_term, added, added_row, c, c_row, coming);
}

/// Packs `terms` rows of B by `columns` columns, at most those of a panel, filled up with zeros to whole vectors.
template <class T>
void pack_panel(std::size_t terms, std::size_t columns, matrix_places<T const> const& b, T* packed) noexcept {
    constexpr std::size_t lanes = width<T>;
    std::size_t const row = (columns + lanes - 1) / lanes * lanes;
    if (b.column == 1) {
        for (std::size_t k = 0; k < terms; ++k) {
            T const* const from = b.at + k * b.row;
            T* const to = packed + k * row;
            if (columns == columns_of_panel<T>) {
                unroll<vectors_of_panel>([&](auto v) { store(to + v * lanes, load(from + v * lanes)); });
            } else {
                std::copy_n(from, columns, to);
                std::fill(to + columns, to + row, T{0});
            }
        }
        return;
    }
    std::size_t const whole = terms / lanes * lanes;
    for (std::size_t first = 0; first < columns; first += lanes) {
        std::size_t const count = std::min(lanes, columns - first);
        T const* const from = b.at + first * b.column;
        for (std::size_t k = 0; k < whole; k += lanes) {
            vector<T> square[lanes];
            unroll<lanes>(
                [&](auto j) { square[j] = j < count ? load(from + j * b.column + k) : vector<T>{}; });
            transpose<T>(square);
            unroll<lanes>([&](auto j) { store(packed + (k + j) * row + first, square[j]); });
        }
        for (std::size_t k = whole; k < terms; ++k)
            for (std::size_t j = 0; j < lanes; ++j)
                packed[k * row + first + j] = j < count ? from[j * b.column + k] : T{0};
    }
}

/// Writes sums, whole vectors of columns a row, across: row i of them becomes column i of C.
template <class T>
void store_across(std::size_t rows, std::size_t columns, T const* sums, T const* added, std::size_t added_row,
                  T* c, std::size_t c_row) noexcept {
    constexpr std::size_t lanes = width<T>;
    std::size_t const row = (columns + lanes - 1) / lanes * lanes;
    std::size_t const whole = rows / lanes * lanes;
    for (std::size_t i = 0; i < whole; i += lanes)
        for (std::size_t first = 0; first < columns; first += lanes) {
            vector<T> square[lanes];
            unroll<lanes>([&](auto j) { square[j] = load(sums + (i + j) * row + first); });
            transpose<T>(square);
            std::size_t const count = std::min(lanes, columns - first);
            unroll<lanes>([&](auto j) {
                if (j >= count)
                    return;
                auto sum = square[j];
                if (added != nullptr)
                    sum = load(added + (first + j) * added_row + i) + sum;
                store(c + (first + j) * c_row + i, sum);
            });
        }
    for (std::size_t j = 0; j < columns; ++j)
        for (std::size_t i = whole; i < rows; ++i) {
            T const sum = sums[i * row + j];
            c[j * c_row + i] = added == nullptr ? sum : added[j * added_row + i] + sum;
        }
}

/// One piece of C, whose columns are neighbours where `c.column` is 1 and whose rows are where `c.row` is.
/// `added` lies as C does.
template <class T>
void multiply_piece(std::size_t m, std::size_t n, std::size_t terms, matrix_places<T const> const& a,
                    matrix_places<T const> const& b, matrix_places<T const> const& added,
                    matrix_places<T> const& c) noexcept {
    constexpr std::size_t lanes = width<T>, panel = columns_of_panel<T>;
    alignas(vector_bytes) T packed[terms_of_part * panel];
    alignas(vector_bytes) T sums[rows_of_group * panel];
    for (std::size_t begin = 0; begin < terms; begin += terms_of_part) {
        std::size_t const count = std::min(terms_of_part, terms - begin);
        matrix_places<T const> const before =
            begin == 0 ? added : matrix_places<T const>{c.at, c.row, c.column};
        for (std::size_t j = 0; j < n; j += panel) {
            std::size_t const columns = std::min(panel, n - j);
            std::size_t const row = (columns + lanes - 1) / lanes * lanes;
            T const* of_b = b(begin, j);
            std::size_t b_term = b.row;
            // What is read once only need not be packed.
            if (b.column != 1 || columns != row || m > rows_of_tile) {
                pack_panel(count, columns, {of_b, b.row, b.column}, packed);
                of_b = packed;
                b_term = row;
            }
            coming_panel<T> coming;
            if (b.column == 1 && j + panel < n)
                coming = {b(begin, j + panel), b.row, count, std::min(panel, n - j - panel)};
            auto const rows = [&](std::size_t first, std::size_t height, T const* to_add, T* to,
                                  std::size_t to_row) {
                matrix_places<T const> const of_a{a(first, begin), a.row, a.column};
                if (row == panel)
                    multiply_rows<rows_of_tile, vectors_of_panel>(height, count, of_a, of_b, b_term, to_add,
                                                                  before.row, to, to_row, coming);
                else
                    multiply_rows<rows_of_tile, 1>(height, count, of_a, of_b, b_term, to_add, before.row, to,
                                                   to_row, coming);
            };
            if (c.column == 1 && columns == row) {
                rows(0, m, before.at == nullptr ? nullptr : before(0, j), c(0, j), c.row);
                continue;
            }
            for (std::size_t i = 0; i < m; i += rows_of_group) {
                std::size_t const height = std::min(rows_of_group, m - i);
                rows(i, height, nullptr, sums, row);
                T const* const to_add = before.at == nullptr ? nullptr : before(i, j);
                if (c.column != 1) {
                    store_across(height, columns, sums, to_add, before.column, c(i, j), c.column);
                    continue;
                }
                for (std::size_t r = 0; r < height; ++r)
                    for (std::size_t s = 0; s < columns; ++s) {
                        T const sum = sums[r * row + s];
                        *c(i + r, j + s) = to_add == nullptr ? sum : to_add[r * before.row + s] + sum;
                    }
            }
        }
    }
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// The product by BLAS, in parts of columns that depend on the shape alone.
template <class T>
void multiply_by_blas(std::size_t workers, detail::transposed a_is, detail::transposed b_is, std::size_t m,
                      std::size_t n, std::size_t k, T const* a, std::size_t lda, T const* b, std::size_t ldb,
                      T const* bias, T* c, std::size_t ldc) noexcept {
    for (std::size_t i = 0; i < m; ++i)
        if (bias != nullptr)
            std::copy_n(bias, n, c + i * ldc);
        else if (k == 0)
            std::fill_n(c + i * ldc, n, T{0});
    if (k == 0)
        return;
    constexpr std::size_t part = 256; // so many are worth a thread's while
    detail::parallel_for((n + part - 1) / part, workers, [&](std::size_t piece, std::size_t) {
        std::size_t const first = piece * part;
        detail::gemm(a_is, b_is, m, std::min(part, n - first), k, a, lda,
                     b + first * (b_is == detail::transposed::yes ? ldb : 1), ldb, T(bias != nullptr),
                     c + first, ldc);
    });
}

/// C = A·B + bias in tiles.
template <class T>
void multiply_in_tiles(std::size_t workers, std::size_t m, std::size_t n, std::size_t k,
                       detail::matrix_places<T const> const& a, detail::matrix_places<T const> const& b,
                       detail::matrix_places<T const> const& bias,
                       detail::matrix_places<T> const& c) noexcept {
    using detail::rows_of_group, detail::columns_of_panel;
    // Rows whose part of A stays in the cache while it is multiplied with one panel after the other.
    std::size_t const most_rows = workers < 2 ? 5 * rows_of_group : 2 * rows_of_group;
    std::size_t const most_columns = workers < 2 ? n : 4 * columns_of_panel<T>;
    std::size_t const row_pieces = (m + most_rows - 1) / most_rows;
    std::size_t const height =
        ((m + row_pieces - 1) / row_pieces + rows_of_group - 1) / rows_of_group * rows_of_group;
    std::size_t const column_pieces = (n + most_columns - 1) / most_columns;
    detail::parallel_for(row_pieces * column_pieces, workers, [&](std::size_t piece, std::size_t) {
        std::size_t const i = piece / column_pieces * height, j = piece % column_pieces * most_columns;
        if (i >= m)
            return;
        detail::multiply_piece<T>(std::min(height, m - i), std::min(most_columns, n - j), k,
                                  {a(i, 0), a.row, a.column}, {b(0, j), b.row, b.column},
                                  {bias.at == nullptr ? nullptr : bias(i, j), bias.row, bias.column},
                                  {c(i, j), c.row, c.column});
    });
}

/// C = op(A)·op(B) + bias over row-major matrices, where op puts a transposed one across: op(A) is m×k, op(B) is k×n,
/// C is m×n; `bias`, which may be null, is added to every row. The leading sizes are those of the matrices as stored.
/// Runs on up to `workers` threads, whose number no bit depends on. Where the compiler has no wide vectors it is left to
/// BLAS, which finds out at run time what the machine can do; so are products that are little more than vectors.
template <class T>
void multiply_matrices(cpu, std::size_t workers, detail::transposed a_is, detail::transposed b_is,
                       std::size_t m, std::size_t n, std::size_t k, T const* a, std::size_t lda, T const* b,
                       std::size_t ldb, T const* bias, T* c, std::size_t ldc) noexcept {
    using detail::matrix_places, detail::transposed;
    if (m == 0 || n == 0)
        return;
    if constexpr (detail::vector_bytes >= 32 || detail::is_neon) {
        constexpr std::size_t smallest = 4;
        if (m >= smallest && n >= smallest && k > 0) {
            auto const places = [](transposed is, T const* at, std::size_t leading) {
                return is == transposed::yes ? matrix_places<T const>{at, 1, leading}
                                             : matrix_places<T const>{at, leading, 1};
            };
            auto const of_a = places(a_is, a, lda), of_b = places(b_is, b, ldb);
            matrix_places<T const> const added{bias, 0, 1};
            matrix_places<T> const to{c, ldc, 1};
            // Where B is transposed, vectors of its columns must be put across; it costs less to do so with A and C, where
            // these have fewer rows than B has columns.
            if (b_is == transposed::yes && (a_is == transposed::yes || m <= n))
                multiply_in_tiles(workers, n, m, k, of_b.across(), of_a.across(), added.across(),
                                  to.across());
            else
                multiply_in_tiles(workers, m, n, k, of_a, of_b, added, to);
            return;
        }
    }
    multiply_by_blas(workers, a_is, b_is, m, n, k, a, lda, b, ldb, bias, c, ldc);
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
