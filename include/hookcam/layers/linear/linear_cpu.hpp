#pragma once

#include "../../core/threads.hpp"
#include "../../tensor/device.hpp"
#include "../../tensor/multiply_matrices.hpp"
#include "../../tensor/simd.hpp"
#include "../../tensor/transpose.hpp"
#include "../multiply_add.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

// One vector is a matter of reading the weights, not of multiplying: what a zero would be multiplied with is not read.
// (Where a weight is infinite or NaN, a product with zero would be NaN; here it is left out.) Several vectors are a
// matrix product.

/// The outputs of one packed row: a whole number of vectors of any instruction set.
[[nodiscard]] constexpr std::size_t linear_packed_row(std::size_t out) noexcept {
    return (out + 15) / 16 * 16;
}

/// Calls `work(first, count)` for the parts of a row of numbers, on up to `workers` threads. The parts depend on the row
/// alone: a matrix product of another width may add in another order.
template <class Work>
void each_part(std::size_t size, std::size_t workers, Work const& work) noexcept {
    constexpr std::size_t part = 256; // so many numbers are worth a thread's while
    detail::parallel_for((size + part - 1) / part, workers, [&](std::size_t piece, std::size_t) {
        work(piece * part, std::min(part, size - piece * part));
    });
}

/// Packs weights out×in by input: row k holds what input k contributes to all outputs. What fills up a row is zero
/// already.
template <class T>
void linear_pack(std::size_t in, std::size_t out, T const* weight, T* packed) noexcept {
    std::size_t const row = linear_packed_row(out);
    constexpr std::size_t rows = 16; // whose lines stay in the cache while columns are written
    for (std::size_t first = 0; first < out; first += rows)
        for (std::size_t k = 0; k < in; ++k)
            for (std::size_t o = first; o < std::min(first + rows, out); ++o)
                packed[k * row + o] = weight[o * in + k];
}

/// Products that are summed at a time; the sums of these parts are added. (See `terms_at_a_time` of convolutions.)
inline constexpr std::size_t rows_of_a_part = 192;

/// `Vectors` vectors of outputs, from the rows of the inputs listed in `live`.
template <std::size_t Vectors, class T>
void linear_columns(std::size_t row, std::size_t const* live, std::size_t live_count, T const* x,
                    T const* packed, T* sums) noexcept {
    using namespace detail;
    constexpr std::size_t lanes = width<T>;
    vector<T> total[Vectors];
    load_all(static_cast<T const*>(sums), total);
    for (std::size_t begin = 0; begin < live_count; begin += rows_of_a_part) {
        vector<T> part[Vectors]{};
        std::size_t const end = std::min(begin + rows_of_a_part, live_count);
        for (std::size_t i = begin; i < end; ++i) {
            auto const seen = broadcast(x[live[i]]);
            T const* const weights = packed + live[i] * row;
            fold_over<Vectors>([&]<std::size_t... I>(
                std::index_sequence<I...>) __attribute__((always_inline)) {
                ((part[I] = multiply_add_all<T>(load(weights + I * lanes), seen, part[I])), ...);
            });
        }
        fold_over<Vectors>([&]<std::size_t... I>(std::index_sequence<I...>)
                               __attribute__((always_inline)) { ((total[I] = total[I] + part[I]), ...); });
    }
    fold_over<Vectors>([&]<std::size_t... I>(std::index_sequence<I...>)
                           __attribute__((always_inline)) { (store(sums + I * lanes, total[I]), ...); });
}

/// The same for the outputs from `first` to `end`: as many vectors at a time as the registers hold, then half of that,
/// and so on.
template <std::size_t Vectors, class T>
void linear_columns_from(std::size_t first, std::size_t end, std::size_t row, std::size_t const* live,
                         std::size_t live_count, T const* x, T const* packed, T* sums) noexcept {
    constexpr std::size_t step = Vectors * detail::width<T>;
    for (; first + step <= end; first += step)
        linear_columns<Vectors>(row, live, live_count, x, packed + first, sums + first);
    if constexpr (Vectors > 1)
        linear_columns_from<Vectors / 2>(first, end, row, live, live_count, x, packed, sums);
}

/// Writes the indices of what is not zero, and returns how many they are.
template <class T>
[[nodiscard]] std::size_t list_nonzero(std::size_t size, T const* x, std::size_t* live) noexcept {
    std::size_t count = 0;
    for (std::size_t k = 0; k < size; ++k) {
        live[count] = k;
        count += x[k] != T{0};
    }
    return count;
}

/// y = W·x + bias for one vector. `live` has room for `in` numbers, `sums` for a packed row; bias may be null.
template <class T>
void linear_one(cpu, std::size_t workers, std::size_t in, std::size_t out, T const* x, T const* packed,
                T const* bias, T* y, std::size_t* live, T* sums) noexcept {
    std::size_t const live_count = list_nonzero(in, x, live);
    std::size_t const row = linear_packed_row(out);
    for (std::size_t o = 0; o < row; ++o)
        sums[o] = bias != nullptr && o < out ? bias[o] : T{0};
    each_part(row, workers, [&](std::size_t first, std::size_t count) {
        linear_columns_from<detail::vector_registers / 2>(first, first + count, row, live, live_count, x,
                                                          packed, sums);
    });
    std::copy_n(sums, out, y);
}

/// `count` elements of grad_x = Wᵀ·grad_y for one vector; `weight` and `grad_x` point at the first.
template <class T>
void linear_one_backward_part(std::size_t in, std::size_t out, T const* grad_y, T const* weight,
                              std::size_t count, T* grad_x) noexcept {
    using namespace detail;
    constexpr std::size_t lanes = width<T>;
    constexpr std::size_t at_a_time = 4; // rows: so that grad_x passes through the registers less often
    std::fill_n(grad_x, count, T{0});
    for (std::size_t o = 0; o < out;) {
        T factors[at_a_time]{};
        T const* rows[at_a_time]{weight, weight, weight, weight};
        std::size_t found = 0;
        for (; o < out && found < at_a_time; ++o)
            if (grad_y[o] != T{0}) {
                factors[found] = grad_y[o];
                rows[found++] = weight + o * in;
            }
        if (found == 0)
            return;
        std::size_t k = 0;
        for (; k + lanes <= count; k += lanes) {
            auto sum = load(grad_x + k);
            unroll<at_a_time>([&](auto r) {
                if (r < found)
                    sum = multiply_add_all<T>(load(rows[r] + k), broadcast(factors[r]), sum);
            });
            store(grad_x + k, sum);
        }
        for (; k < count; ++k)
            for (std::size_t r = 0; r < found; ++r)
                grad_x[k] = detail::multiply_add(rows[r][k], factors[r], grad_x[k]);
    }
}

/// grad_x = Wᵀ·grad_y for one vector, from the rows of W whose grad_y is not zero.
template <class T>
void linear_one_backward(cpu, std::size_t workers, std::size_t in, std::size_t out, T const* grad_y,
                         T const* weight, T* grad_x) noexcept {
    each_part(in, workers, [&](std::size_t first, std::size_t count) {
        linear_one_backward_part(in, out, grad_y, weight + first, count, grad_x + first);
    });
}

/// True where so few elements of grad_y are not zero that reading their rows of W is less than reading packed rows.
template <class T>
[[nodiscard]] bool is_sparse(std::size_t size, T const* grad_y) noexcept {
    std::size_t live = 0;
    for (std::size_t o = 0; o < size; ++o)
        live += grad_y[o] != T{0};
    return 8 * live <= size;
}

/// `Count` elements of grad_x = Wᵀ·grad_y, those listed in `at`: sums over the vectors of a packed row, then over the
/// numbers of a vector. `grad_y` is padded with zeros to a packed row.
template <std::size_t Count, class T>
void linear_rows_backward(std::size_t row, std::size_t const* at, T const* grad_y, T const* packed,
                          T* grad_x) noexcept {
    using namespace detail;
    std::array<vector<T>, Count> sums{};
    for (std::size_t o = 0; o < row; o += width<T>) {
        auto const slope = load(grad_y + o);
        unroll<Count>(
            [&](auto r) { sums[r] = multiply_add_all<T>(load(packed + at[r] * row + o), slope, sums[r]); });
    }
    T totals[width<T>];
    store(totals, sums_of_each<T>(sums));
    for (std::size_t r = 0; r < Count; ++r)
        grad_x[at[r]] = totals[r];
}

/// The elements of grad_x = Wᵀ·grad_y that are listed in `at`, for one vector.
template <class T>
void linear_one_backward_at(cpu, std::size_t out, std::size_t const* at, std::size_t count, T const* grad_y,
                            T const* packed, T* grad_x) noexcept {
    constexpr std::size_t at_a_time = std::min<std::size_t>(4, detail::width<T>);
    std::size_t const row = linear_packed_row(out);
    for (; count >= at_a_time; at += at_a_time, count -= at_a_time)
        linear_rows_backward<at_a_time>(row, at, grad_y, packed, grad_x);
    for (; count > 0; ++at, --count)
        linear_rows_backward<1>(row, at, grad_y, packed, grad_x);
}

/// y (batch×out) = x (batch×in) · weightᵀ (out×in) + bias; bias may be null.
template <class T>
void linear(cpu device, std::size_t workers, std::size_t batch, std::size_t in, std::size_t out, T const* x,
            T const* weight, T const* bias, T* y) noexcept {
    using detail::transposed;
    multiply_matrices(device, workers, transposed::no, transposed::yes, batch, out, in, x, in, weight, in,
                      bias, y, out);
}

/// grad_x (batch×in) = grad_y (batch×out) · weight (out×in).
template <class T>
void linear_backward(cpu device, std::size_t workers, std::size_t batch, std::size_t in, std::size_t out,
                     T const* grad_y, T const* weight, T* grad_x) noexcept {
    using detail::transposed;
    multiply_matrices<T>(device, workers, transposed::no, transposed::no, batch, in, out, grad_y, out, weight,
                         in, nullptr, grad_x, in);
}

/// grad_weight (out×in) = grad_yᵀ · x, grad_bias = the sum of grad_y over the batch; grad_bias may be null.
template <class T>
void linear_backward_parameters(cpu device, std::size_t workers, std::size_t batch, std::size_t in,
                                std::size_t out, T const* x, T const* grad_y, T* grad_weight,
                                T* grad_bias) noexcept {
    using detail::transposed;
    multiply_matrices<T>(device, workers, transposed::yes, transposed::no, out, in, batch, grad_y, out, x, in,
                         nullptr, grad_weight, in);
    if (grad_bias == nullptr)
        return;
    std::fill_n(grad_bias, out, T{0});
    for (std::size_t n = 0; n < batch; ++n)
        for (std::size_t o = 0; o < out; ++o)
            grad_bias[o] += grad_y[n * out + o];
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
