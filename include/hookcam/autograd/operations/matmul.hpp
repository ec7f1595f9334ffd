#pragma once

#include "../../core/threads.hpp"
#include "../../tensor/device.hpp"
#include "../../tensor/multiply_matrices.hpp"
#include "shape.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>

namespace hookcam {

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

template <bool TransposeA, bool TransposeB, class T, std::size_t A, std::size_t B>
[[nodiscard]] auto matrix_product(variable<T, A> const& a, variable<T, B> const& b);

/// C = op(A)·op(B), where op may exchange the last two axes; the axes in front are broadcast.
template <bool TransposeA, bool TransposeB>
struct matmul_operation {
    static constexpr char const* name = "matmul";
    static constexpr unsigned reads(std::size_t input) noexcept { return read_input(1 - input); }

    template <std::size_t I>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        auto const other = at.template input<1 - I>();
        auto const& shape = at.template shape<I>();
        if constexpr (I == 0 && !TransposeA)
            return sum_to(matrix_product<false, !TransposeB>(grad, other), shape);
        else if constexpr (I == 0)
            return sum_to(matrix_product<TransposeB, true>(other, grad), shape);
        else if constexpr (!TransposeB)
            return sum_to(matrix_product<!TransposeA, false>(other, grad), shape);
        else
            return sum_to(matrix_product<true, TransposeA>(grad, other), shape);
    }
};

template <bool TransposeA, bool TransposeB, class T, std::size_t A, std::size_t B>
auto matrix_product(variable<T, A> const& a, variable<T, B> const& b) {
    constexpr std::size_t rank = std::max(A, B);
    auto const rows = a.shape()[TransposeA ? A - 1 : A - 2], inner = a.shape()[TransposeA ? A - 2 : A - 1];
    auto const columns = b.shape()[TransposeB ? B - 2 : B - 1],
               inner_b = b.shape()[TransposeB ? B - 1 : B - 2];
    if (inner != inner_b)
        throw error{error_kind::shape,
                    "hookcam::functional::matmul: the columns of the first must be as many as the "
                    "rows of the second; got " +
                        shape_text(a.shape()) + " and " + shape_text(b.shape())};
    std::array<std::size_t, A - 2> a_batch{};
    std::array<std::size_t, B - 2> b_batch{};
    std::copy_n(a.shape().begin(), A - 2, a_batch.begin());
    std::copy_n(b.shape().begin(), B - 2, b_batch.begin());
    auto const batch = broadcast_shape(a_batch, b_batch, "matmul");
    std::array<std::size_t, rank> shape{};
    std::copy(batch.begin(), batch.end(), shape.begin());
    shape[rank - 2] = rows;
    shape[rank - 1] = columns;

    auto y = record<T, rank>(shape, matmul_operation<TransposeA, TransposeB>{}, a, b);
    auto const product = [&](T const* left, T const* right, T* to) {
        kernels::multiply_matrices<T>(cpu{}, num_threads(), TransposeA ? transposed::yes : transposed::no,
                                      TransposeB ? transposed::yes : transposed::no, rows, columns, inner,
                                      left, a.shape()[A - 1], right, b.shape()[B - 1], nullptr, to, columns);
    };
    if (y.size() == 0)
        return y;
    if constexpr (rank == 2) {
        product(data_of(a), data_of(b), data_of(y));
    } else {
        auto const of_a = steps_over(a_batch, batch), of_b = steps_over(b_batch, batch),
                   of_y = steps_over(batch, batch);
        walk<3> axes;
        for (std::size_t axis = 0; axis < batch.size(); ++axis)
            axes.push(batch[axis],
                      {of_a[axis] * rows * inner, of_b[axis] * inner * columns, of_y[axis] * rows * columns});
        axes.for_each_row([&](auto const& at, std::size_t count, auto const& by) {
            for (std::size_t i = 0; i < count; ++i)
                product(data_of(a) + at[0] + i * by[0], data_of(b) + at[1] + i * by[1],
                        data_of(y) + at[2] + i * by[2]);
        });
    }
    return y;
}

template <class T, std::size_t A, std::size_t B>
[[nodiscard]] auto any_product(variable<T, A> const& a, variable<T, B> const& b) {
    static_assert(A > 0 && B > 0,
                  "hookcam::functional::matmul: both must have an axis; multiply by a number with *");
    if constexpr (A == 1 && B == 1) {
        return functional::reshape(any_product(functional::unsqueeze<0>(a), functional::unsqueeze<1>(b)));
    } else if constexpr (A == 1) {
        return functional::squeeze<-2>(any_product(functional::unsqueeze<0>(a), b));
    } else if constexpr (B == 1) {
        return functional::squeeze<-1>(any_product(a, functional::unsqueeze<1>(b)));
    } else if constexpr (A > 2 && B == 2) {
        // One product of many rows instead of many products.
        std::size_t const columns = a.shape()[A - 1];
        auto const rows = reshape_to(
            a, std::array<std::size_t, 2>{columns == 0 ? count_of(a.shape()) : a.size() / columns, columns});
        auto const product = matrix_product<false, false>(rows, b);
        auto shape = a.shape();
        shape[A - 1] = b.shape()[1];
        return reshape_to(product, shape);
    } else {
        return matrix_product<false, false>(a, b);
    }
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

namespace functional {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// The matrix product: the last two axes are matrices, those in front are broadcast. A vector is a row
/// as the first and a column as the second, as in PyTorch's `matmul`. One of the two may be an expression.
template <class A, class B>
    requires detail::operands<A, B> &&(!detail::a_number<A>)&&(!detail::a_number<B>)
        [[nodiscard]] auto matmul(A&& a, B&& b) {
        using T = detail::scalar_type_of<A, B>;
        return detail::any_product(detail::as_variable<T>(a), detail::as_variable<T>(b));
    }

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace functional

} // namespace hookcam
