#pragma once

#include "../core/error.hpp"
#include "../core/instruction_set.hpp"
#include "../core/shape_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

namespace hookcam {

namespace detail {

/// The most axes that a variable has.
inline constexpr std::size_t max_axes = 8;

/// Where several tensors are walked over together: the sizes of the axes, and for each tensor by how many
/// elements a step along an axis moves, 0 where it repeats. Neighbouring axes that all tensors walk over as if
/// they were one are one.
template <std::size_t Count>
struct walk {
    using steps = std::array<std::size_t, Count>;

    std::size_t rank = 0;
    std::array<std::size_t, max_axes> sizes;
    std::array<steps, max_axes> moves;

    /// Adds an axis inside those that are there.
    void push(std::size_t size, steps const& by) noexcept {
        if (size == 1)
            return;
        if (rank > 0) {
            bool joins = true;
            for (std::size_t i = 0; i < Count; ++i)
                joins = joins && moves[rank - 1][i] == by[i] * size;
            if (joins) {
                sizes[rank - 1] *= size;
                moves[rank - 1] = by;
                return;
            }
        }
        sizes[rank] = size;
        moves[rank++] = by;
    }

    /// Calls `row(offsets, count, steps)` for each row along the innermost axis.
    template <class Row>
    void for_each_row(Row&& row) const {
        steps at{};
        if (rank == 0) {
            row(at, std::size_t{1}, at);
            return;
        }
        for (std::size_t axis = 0; axis < rank; ++axis)
            if (sizes[axis] == 0)
                return;
        std::array<std::size_t, max_axes> index{};
        std::size_t const inner = rank - 1;
        while (true) {
            row(std::as_const(at), sizes[inner], moves[inner]);
            std::size_t axis = inner;
            while (true) {
                if (axis-- == 0)
                    return;
                for (std::size_t i = 0; i < Count; ++i)
                    at[i] += moves[axis][i];
                if (++index[axis] < sizes[axis])
                    break;
                for (std::size_t i = 0; i < Count; ++i)
                    at[i] -= moves[axis][i] * sizes[axis];
                index[axis] = 0;
            }
        }
    }
};

using sizes_view = std::span<std::size_t const>;

/// The steps of a row-major tensor of `sizes` along the axes of `over`, whose last axes are its own; 0 where it
/// repeats.
[[nodiscard]] inline std::array<std::size_t, max_axes> steps_over(sizes_view sizes,
                                                                  sizes_view over) noexcept {
    std::array<std::size_t, max_axes> steps{};
    std::size_t step = 1;
    for (std::size_t i = sizes.size(); i-- > 0;) {
        if (sizes[i] != 1)
            steps[i + over.size() - sizes.size()] = step;
        step *= sizes[i];
    }
    return steps;
}

/// The shape that two tensors have together, as NumPy broadcasts them. Throws, with both, where there is none.
template <std::size_t A, std::size_t B>
[[nodiscard]] std::array<std::size_t, std::max(A, B)>
broadcast_shape(std::array<std::size_t, A> const& a, std::array<std::size_t, B> const& b, char const* name) {
    constexpr std::size_t rank = std::max(A, B);
    std::array<std::size_t, rank> shape{};
    for (std::size_t i = 0; i < rank; ++i) {
        std::size_t const of_a = i < A ? a[A - 1 - i] : 1;
        std::size_t const of_b = i < B ? b[B - 1 - i] : 1;
        if (of_a != of_b && of_a != 1 && of_b != 1)
            throw error{error_kind::shape,
                        std::string{"hookcam::functional::"} + name +
                            ": each axis must have one size in both tensors, or size one in "
                            "one of them; got " +
                            shape_text(a) + " and " + shape_text(b)};
        shape[rank - 1 - i] = of_a == 1 ? of_b : of_a;
    }
    return shape;
}

} // namespace detail

namespace kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// y = function(x), element by element; y may be x.
template <class Function, class T, class To>
void map(Function const& function, std::size_t count, T const* x, To* y) {
    for (std::size_t i = 0; i < count; ++i)
        y[i] = static_cast<To>(function(x[i]));
}

/// y = function(a, b), element by element; y may be a or b.
template <class Function, class A, class B, class To>
void zip(Function const& function, std::size_t count, A const* a, B const* b, To* y) {
    for (std::size_t i = 0; i < count; ++i)
        y[i] = static_cast<To>(function(a[i], b[i]));
}

/// The same where a and b are broadcast over the shape of y.
template <class Function, class A, class B, class To>
void broadcast_zip(Function const& function, detail::sizes_view a_sizes, A const* a,
                   detail::sizes_view b_sizes, B const* b, detail::sizes_view sizes, To* y) {
    auto const of_a = detail::steps_over(a_sizes, sizes);
    auto const of_b = detail::steps_over(b_sizes, sizes);
    auto const of_y = detail::steps_over(sizes, sizes);
    detail::walk<3> axes;
    for (std::size_t axis = 0; axis < sizes.size(); ++axis)
        axes.push(sizes[axis], {of_a[axis], of_b[axis], of_y[axis]});
    axes.for_each_row([&](auto const& at, std::size_t count, auto const& steps) {
        auto const* const left = a + at[0];
        auto const* const right = b + at[1];
        auto* const to = y + at[2];
        if (steps[0] == 1 && steps[1] == 1)
            zip(function, count, left, right, to);
        else if (steps[0] == 0 && steps[1] == 1)
            map([&function, left](auto value) { return function(*left, value); }, count, right, to);
        else if (steps[0] == 1 && steps[1] == 0)
            map([&function, right](auto value) { return function(value, *right); }, count, left, to);
        else
            for (std::size_t i = 0; i < count; ++i)
                to[i] = static_cast<To>(function(left[i * steps[0]], right[i * steps[1]]));
    });
}

/// y = x where x is repeated, or read along other axes: `steps` are those of x along the axes of y.
template <class T>
void copy_strided(std::span<std::size_t const> steps, T const* x, detail::sizes_view sizes, T* y) {
    auto const of_y = detail::steps_over(sizes, sizes);
    detail::walk<2> axes;
    for (std::size_t axis = 0; axis < sizes.size(); ++axis)
        axes.push(sizes[axis], {steps[axis], of_y[axis]});
    axes.for_each_row([&](auto const& at, std::size_t count, auto const& by) {
        auto const* const from = x + at[0];
        auto* const to = y + at[1];
        if (by[0] == 1)
            std::copy_n(from, count, to);
        else
            for (std::size_t i = 0; i < count; ++i)
                to[i] = from[i * by[0]];
    });
}

/// The other way round: elements of y, at `steps` along the axes of x, become those of x.
template <class T>
void scatter_strided(std::span<std::size_t const> steps, T const* x, detail::sizes_view sizes, T* y) {
    auto const of_x = detail::steps_over(sizes, sizes);
    detail::walk<2> axes;
    for (std::size_t axis = 0; axis < sizes.size(); ++axis)
        axes.push(sizes[axis], {of_x[axis], steps[axis]});
    axes.for_each_row([&](auto const& at, std::size_t count, auto const& by) {
        for (std::size_t i = 0; i < count; ++i)
            y[at[1] + i * by[1]] = x[at[0] + i];
    });
}

/// The sum of numbers that lie one behind the other, in parts, so that its rounding error grows slowly.
template <class T>
[[nodiscard]] T sum_of_row(T const* x, std::size_t count) noexcept {
    constexpr std::size_t lanes = 16;
    constexpr std::size_t part = 4096;
    T total{0};
    while (count > 0) {
        std::size_t const here = std::min(count, part);
        std::size_t i = 0;
        T sum{0};
        if (here >= lanes) {
            T sums[lanes]{};
            for (; i + lanes <= here; i += lanes)
                for (std::size_t lane = 0; lane < lanes; ++lane)
                    sums[lane] += x[i + lane];
            for (T const value : sums)
                sum += value;
        }
        for (; i < here; ++i)
            sum += x[i];
        total += sum;
        x += here;
        count -= here;
    }
    return total;
}

/// y = the sum of x over the axes along which y does not move: `steps` are those of y along the axes of x.
template <class T>
void sum_over(std::span<std::size_t const> steps, detail::sizes_view sizes, T const* x, std::size_t y_count,
              T* y) {
    std::fill_n(y, y_count, T{0});
    auto const of_x = detail::steps_over(sizes, sizes);
    detail::walk<2> axes;
    for (std::size_t axis = 0; axis < sizes.size(); ++axis)
        axes.push(sizes[axis], {of_x[axis], steps[axis]});
    axes.for_each_row([&](auto const& at, std::size_t count, auto const& by) {
        auto const* const from = x + at[0];
        auto* const to = y + at[1];
        if (by[1] == 0)
            *to += sum_of_row(from, count);
        else
            for (std::size_t i = 0; i < count; ++i)
                to[i * by[1]] += from[i];
    });
}

/// y = the largest of x over these axes, NaN where there is one. There must be something.
template <class T>
void max_over(std::span<std::size_t const> steps, detail::sizes_view sizes, T const* x, std::size_t y_count,
              T* y) {
    std::fill_n(y, y_count, -std::numeric_limits<T>::infinity());
    auto const of_x = detail::steps_over(sizes, sizes);
    detail::walk<2> axes;
    for (std::size_t axis = 0; axis < sizes.size(); ++axis)
        axes.push(sizes[axis], {of_x[axis], steps[axis]});
    axes.for_each_row([&](auto const& at, std::size_t count, auto const& by) {
        for (std::size_t i = 0; i < count; ++i) {
            T const value = x[at[0] + i];
            T& most = y[at[1] + i * by[1]];
            if (value > most || std::isnan(value))
                most = value;
        }
    });
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace kernels

} // namespace hookcam
