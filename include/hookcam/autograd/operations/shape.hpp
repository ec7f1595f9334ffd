#pragma once

#include "arithmetic.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

namespace hookcam {

namespace detail {

/// An axis of a tensor of `Rank` axes; a negative one counts from the last.
template <int Axis, std::size_t Rank>
constexpr std::size_t axis_of() {
    static_assert(
        Axis < static_cast<int>(Rank) && Axis >= -static_cast<int>(Rank),
        "hookcam::functional: an axis must be one of the tensor's, 0 to its rank − 1, or −1 for the last; "
        "correct it");
    return static_cast<std::size_t>(Axis < 0 ? Axis + static_cast<int>(Rank) : Axis);
}

inline namespace HOOKCAM_INSTRUCTION_SET {

template <class T, std::size_t Rank, std::size_t From>
[[nodiscard]] variable<T, Rank> reshape_to(variable<T, From> const& x,
                                           std::array<std::size_t, Rank> const& shape);

struct reshape_operation {
    static constexpr char const* name = "reshape";
    static constexpr unsigned reads(std::size_t) noexcept { return 0; }
    template <std::size_t>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        return reshape_to(grad, at.template shape<0>());
    }
};

/// x in another shape of as many elements; it shares the memory.
template <class T, std::size_t Rank, std::size_t From>
variable<T, Rank> reshape_to(variable<T, From> const& x, std::array<std::size_t, Rank> const& shape) {
    if constexpr (Rank == From)
        if (x.shape() == shape)
            return x;
    return record_over<Rank>(shape, reshape_operation{}, x);
}

template <std::size_t... Order>
struct permute_operation;

template <std::size_t... Order>
constexpr auto inverse_order() {
    std::array<std::size_t, sizeof...(Order)> const order{Order...};
    std::array<std::size_t, sizeof...(Order)> inverse{};
    for (std::size_t i = 0; i < order.size(); ++i)
        inverse[order[i]] = i;
    return inverse;
}

template <std::size_t... Order, class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> permute_axes(variable<T, Rank> const& x) {
    std::array<std::size_t, Rank> const order{Order...};
    std::array<std::size_t, Rank> shape{};
    std::array<std::size_t, Rank> steps{};
    auto const of_x = steps_over(x.shape(), x.shape());
    for (std::size_t axis = 0; axis < Rank; ++axis) {
        shape[axis] = x.shape()[order[axis]];
        steps[axis] = of_x[order[axis]];
    }
    auto y = record<T, Rank>(shape, permute_operation<Order...>{}, x);
    kernels::copy_strided(steps, data_of(x), shape, data_of(y));
    return y;
}

template <std::size_t... Order>
struct permute_operation {
    static constexpr char const* name = "permute";
    static constexpr unsigned reads(std::size_t) noexcept { return 0; }
    template <std::size_t>
    [[nodiscard]] auto gradient(auto const&, auto const& grad) const {
        constexpr auto inverse = inverse_order<Order...>();
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
            return permute_axes<inverse[I]...>(grad);
        }
        (std::make_index_sequence<sizeof...(Order)>{});
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

namespace functional {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// x in another shape, row-major as before: `reshape(x, 2, -1)`. One size may be −1, which stands for what is
/// left. The result shares the memory.
template <class T, std::size_t Rank, std::integral... Sizes>
[[nodiscard]] auto reshape(variable<T, Rank> const& x, Sizes... sizes) {
    constexpr std::size_t open = static_cast<std::size_t>(-1);
    std::array<long long, sizeof...(Sizes)> const given{static_cast<long long>(sizes)...};
    std::array<std::size_t, sizeof...(Sizes)> shape{static_cast<std::size_t>(sizes)...};
    std::size_t known = 1, opens = 0;
    for (auto const size : shape)
        size == open ? ++opens : known *= size;
    bool fits = opens <= 1 && std::none_of(given.begin(), given.end(), [](auto size) { return size < -1; });
    if (opens == 1 && known != 0 && x.size() % known == 0)
        for (auto& size : shape)
            size = size == open ? x.size() / known : size;
    else
        fits = fits && opens == 0;
    if (!fits || detail::count_of(shape) != x.size())
        throw error{error_kind::shape,
                    "hookcam::functional::reshape: the shape must have the tensor's elements, " +
                        detail::shape_text(x.shape()) + ", and -1 at most once; got " +
                        detail::shape_text(given)};
    return detail::reshape_to(x, shape);
}

/// N,… becomes N,F: all axes but the first as one.
template <class T, std::size_t Rank>
    requires(Rank >= 1)
[[nodiscard]] variable<T, 2> flatten(variable<T, Rank> const& x) {
    std::size_t const rows = x.shape()[0];
    return detail::reshape_to(x, std::array<std::size_t, 2>{rows, rows == 0 ? 0 : x.size() / rows});
}

/// x with another axis of size one, which will be the axis `Axis`.
template <int Axis, class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank + 1> unsqueeze(variable<T, Rank> const& x) {
    constexpr auto axis = detail::axis_of<Axis, Rank + 1>();
    std::array<std::size_t, Rank + 1> shape{};
    for (std::size_t i = 0; i <= Rank; ++i)
        shape[i] = i < axis ? x.shape()[i] : i == axis ? 1 : x.shape()[i - 1];
    return detail::reshape_to(x, shape);
}

/// x without the axis `Axis`, whose size must be one.
template <int Axis, class T, std::size_t Rank>
    requires(Rank >= 1)
[[nodiscard]] variable<T, Rank - 1> squeeze(variable<T, Rank> const& x) {
    constexpr auto axis = detail::axis_of<Axis, Rank>();
    if (x.shape()[axis] != 1)
        throw error{error_kind::shape, "hookcam::functional::squeeze: the axis must have size one; got " +
                                           detail::shape_text(x.shape())};
    std::array<std::size_t, Rank - 1> shape{};
    for (std::size_t i = 0; i + 1 < Rank; ++i)
        shape[i] = x.shape()[i < axis ? i : i + 1];
    return detail::reshape_to(x, shape);
}

/// x with its axes in another order: axis i of the result is axis `Order[i]` of x, as in PyTorch. A copy.
template <int... Order, class T, std::size_t Rank>
    requires(sizeof...(Order) == Rank)
[[nodiscard]] variable<T, Rank> permute(variable<T, Rank> const& x) {
    constexpr bool each_once = [] {
        std::array<bool, Rank> seen{};
        ((seen[detail::axis_of<Order, Rank>()] = true), ...);
        bool all = true;
        for (bool const one : seen)
            all = all && one;
        return all;
    }();
    static_assert(each_once, "hookcam::functional::permute: the order must name each axis once; correct it");
    return detail::permute_axes<detail::axis_of<Order, Rank>()...>(x);
}

/// x with two axes exchanged, the last two if none are named. A copy.
template <int First = -2, int Second = -1, class T, std::size_t Rank>
    requires(Rank >= 2)
[[nodiscard]] variable<T, Rank> transpose(variable<T, Rank> const& x) {
    constexpr auto first = detail::axis_of<First, Rank>();
    constexpr auto second = detail::axis_of<Second, Rank>();
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return detail::permute_axes<(I == first ? second : I == second ? first : I)...>(x);
    }
    (std::make_index_sequence<Rank>{});
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace functional

} // namespace hookcam
