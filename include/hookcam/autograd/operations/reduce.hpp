#pragma once

#include "elementwise.hpp"
#include "shape.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>

namespace hookcam {

/// Lets a reduction keep the axes that it reduces, with size one: `sum<1>(x, hc::keep_dims)`.
struct keep_dims_t {};
inline constexpr keep_dims_t keep_dims{}; ///< see `keep_dims_t`

namespace detail {

/// Axes of a tensor of `Rank` axes that are reduced; none stands for all.
template <std::size_t Rank, int... Axes>
struct reduced_axes {
    static constexpr std::size_t count = sizeof...(Axes) == 0 ? Rank : sizeof...(Axes);
    static constexpr bool has([[maybe_unused]] std::size_t axis) {
        return sizeof...(Axes) == 0 || (false || ... || (axis_of<Axes, Rank>() == axis));
    }
    static constexpr bool each_once = [] {
        std::size_t found = 0;
        for (std::size_t axis = 0; axis < Rank; ++axis)
            found += has(axis);
        return found == count;
    }();
    static_assert(each_once, "hookcam::functional: a reduction must name each axis once; take one out");

    using shape_type = std::array<std::size_t, Rank>;
    /// With size one where an axis is reduced.
    [[nodiscard]] static shape_type kept(shape_type shape) noexcept {
        for (std::size_t axis = 0; axis < Rank; ++axis)
            if (has(axis))
                shape[axis] = 1;
        return shape;
    }
    [[nodiscard]] static std::array<std::size_t, Rank - count> dropped(shape_type const& shape) noexcept {
        std::array<std::size_t, Rank - count> left{};
        [[maybe_unused]] std::size_t next = 0;
        for (std::size_t axis = 0; axis < Rank; ++axis)
            if (!has(axis))
                left[next++] = shape[axis];
        return left;
    }
    /// How many elements become one.
    [[nodiscard]] static std::size_t elements(shape_type const& shape) noexcept {
        std::size_t product = 1;
        for (std::size_t axis = 0; axis < Rank; ++axis)
            if (has(axis))
                product *= shape[axis];
        return product;
    }
};

inline namespace HOOKCAM_INSTRUCTION_SET {

template <class Axes, class T>
struct sum_operation {
    static constexpr char const* name = "sum";
    static constexpr unsigned reads(std::size_t) noexcept { return 0; }
    T divisor; ///< one, or the number of elements for a mean

    template <std::size_t>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        auto const& shape = at.template shape<0>();
        auto const whole = reshape_to(grad, Axes::kept(shape));
        return broadcast_to(divisor == T{1} ? whole : whole / divisor, shape);
    }
};

template <class Axes>
struct max_operation {
    static constexpr char const* name = "max";
    static constexpr unsigned reads(std::size_t) noexcept { return read_input(0) | read_output; }
    template <std::size_t>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        auto const x = at.template input<0>();
        auto const kept = Axes::kept(x.shape());
        auto const is_largest = constant_zip(
            [](auto value, auto most) {
                using T = decltype(value);
                return value == most ? T{1} : T{0};
            },
            x, reshape_to(at.output().detach(), kept));
        return is_largest * (reshape_to(grad, kept) / sum_to(is_largest, kept));
    }
};

template <class Axes, bool Keeps, class T, std::size_t Rank>
[[nodiscard]] auto result_shape(variable<T, Rank> const& x) {
    if constexpr (Keeps)
        return Axes::kept(x.shape());
    else
        return Axes::dropped(x.shape());
}

template <bool Keeps, int... Axes, class T, std::size_t Rank>
[[nodiscard]] auto sum_axes(variable<T, Rank> const& x, T divisor) {
    using axes = reduced_axes<Rank, Axes...>;
    constexpr std::size_t rank = Keeps ? Rank : Rank - axes::count;
    auto y = record<T, rank>(result_shape<axes, Keeps>(x), sum_operation<axes, T>{divisor}, x);
    auto* const to = data_of(y);
    if constexpr (axes::count == Rank)
        to[0] = kernels::sum_of_row(data_of(x), x.size());
    else
        kernels::sum_over(steps_over(axes::kept(x.shape()), x.shape()), x.shape(), data_of(x), y.size(), to);
    if (divisor != T{1})
        kernels::map([divisor](T value) { return value / divisor; }, y.size(), to, to);
    return y;
}

template <bool Keeps, int... Axes, class T, std::size_t Rank>
[[nodiscard]] auto max_axes_of(variable<T, Rank> const& x) {
    using axes = reduced_axes<Rank, Axes...>;
    constexpr std::size_t rank = Keeps ? Rank : Rank - axes::count;
    if (axes::elements(x.shape()) == 0)
        throw error{error_kind::shape,
                    "hookcam::functional::max: there must be an element along the axes; got " +
                        shape_text(x.shape())};
    auto y = record<T, rank>(result_shape<axes, Keeps>(x), max_operation<axes>{}, x);
    kernels::max_over(steps_over(axes::kept(x.shape()), x.shape()), x.shape(), data_of(x), y.size(),
                      data_of(y));
    return y;
}

template <bool Keeps, int... Axes, class T, std::size_t Rank>
[[nodiscard]] auto variance_axes(variable<T, Rank> const& x, std::size_t correction) {
    auto const count = reduced_axes<Rank, Axes...>::elements(x.shape());
    auto const away = x - sum_axes<true, Axes...>(x, static_cast<T>(count));
    // No degrees of freedom left: NaN, as in PyTorch.
    auto const degrees = count > correction ? static_cast<T>(count - correction) : T{0};
    return sum_axes<Keeps, Axes...>(map(square_function{}, away), degrees);
}

template <bool Keeps, int... Axes, class T, std::size_t Rank>
[[nodiscard]] auto logsumexp_axes(variable<T, Rank> const& x) {
    // The largest is taken out so that nothing overflows, but not where it is infinite.
    auto const most = constant_map([](T value) { return std::isinf(value) ? T{0} : value; },
                                   max_axes_of<true, Axes...>(x.detach()));
    auto const rest = map(log_function{}, sum_axes<Keeps, Axes...>(map(exp_function{}, x - most), T{1}));
    return rest + reshape_to(most, rest.shape());
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

namespace functional {
inline namespace HOOKCAM_INSTRUCTION_SET {

// Reductions name their axes as template arguments, −1 for the last; none stands for all.

/// The sum over axes: `sum<0, 2>(x)`, `sum(x)`.
template <int... Axes, class T, std::size_t Rank>
[[nodiscard]] auto sum(variable<T, Rank> const& x) {
    return detail::sum_axes<false, Axes...>(x, T{1});
}
/// The same, with the axes kept.
template <int... Axes, class T, std::size_t Rank>
[[nodiscard]] auto sum(variable<T, Rank> const& x, keep_dims_t) {
    return detail::sum_axes<true, Axes...>(x, T{1});
}
/// The mean over axes.
template <int... Axes, class T, std::size_t Rank>
[[nodiscard]] auto mean(variable<T, Rank> const& x) {
    return detail::sum_axes<false, Axes...>(
        x, static_cast<T>(detail::reduced_axes<Rank, Axes...>::elements(x.shape())));
}
/// The same, with the axes kept.
template <int... Axes, class T, std::size_t Rank>
[[nodiscard]] auto mean(variable<T, Rank> const& x, keep_dims_t) {
    return detail::sum_axes<true, Axes...>(
        x, static_cast<T>(detail::reduced_axes<Rank, Axes...>::elements(x.shape())));
}
/// The largest along axes, NaN where there is one. Equal ones share the gradient: PyTorch's `amax`.
template <int... Axes, class T, std::size_t Rank>
[[nodiscard]] auto max(variable<T, Rank> const& x) {
    return detail::max_axes_of<false, Axes...>(x);
}
/// The same, with the axes kept.
template <int... Axes, class T, std::size_t Rank>
[[nodiscard]] auto max(variable<T, Rank> const& x, keep_dims_t) {
    return detail::max_axes_of<true, Axes...>(x);
}
/// The smallest along axes; likewise: PyTorch's `amin`.
template <int... Axes, class T, std::size_t Rank>
[[nodiscard]] auto min(variable<T, Rank> const& x) {
    return -detail::max_axes_of<false, Axes...>(-x);
}
/// The same, with the axes kept.
template <int... Axes, class T, std::size_t Rank>
[[nodiscard]] auto min(variable<T, Rank> const& x, keep_dims_t) {
    return -detail::max_axes_of<true, Axes...>(-x);
}
/// The variance along axes: the sum of squared distances from the mean, over their number less `correction`
/// (PyTorch's `var`; 0 for that of a population, as NumPy and batch norm take it).
template <int... Axes, class T, std::size_t Rank>
[[nodiscard]] auto variance(variable<T, Rank> const& x, std::size_t correction = 1) {
    return detail::variance_axes<false, Axes...>(x, correction);
}
/// The same, with the axes kept.
template <int... Axes, class T, std::size_t Rank>
[[nodiscard]] auto variance(variable<T, Rank> const& x, keep_dims_t, std::size_t correction = 1) {
    return detail::variance_axes<true, Axes...>(x, correction);
}
/// log Σ eˣ along axes, without overflow.
template <int... Axes, class T, std::size_t Rank>
[[nodiscard]] auto logsumexp(variable<T, Rank> const& x) {
    return detail::logsumexp_axes<false, Axes...>(x);
}
/// The same, with the axes kept.
template <int... Axes, class T, std::size_t Rank>
[[nodiscard]] auto logsumexp(variable<T, Rank> const& x, keep_dims_t) {
    return detail::logsumexp_axes<true, Axes...>(x);
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace functional

} // namespace hookcam
