#pragma once

#include "elementwise.hpp"

#include <cstddef>
#include <utility>

namespace hookcam {

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// A mask of what two tensors are to one another, broadcast.
template <class Function, class A, class B>
[[nodiscard]] auto compare(Function const& function, A const& left, B const& right) {
    using T = scalar_type_of<A, B>;
    auto const& a = as_variable<T>(left);
    auto const& b = as_variable<T>(right);
    auto const shape = broadcast_shape(a.shape(), b.shape(), "comparison");
    auto mask = xt::xtensor<bool, std::tuple_size_v<decltype(shape)>>::from_shape(shape);
    kernels::broadcast_zip(function, a.shape(), data_of(a), b.shape(), data_of(b), shape, mask.data());
    return mask;
}

/// Lets through where a mask says so, and is zero elsewhere; so is its gradient.
template <class T, std::size_t Rank>
struct mask_operation {
    static constexpr char const* name = "where";
    static constexpr unsigned reads(std::size_t) noexcept { return 0; }
    variable<T, Rank> mask; ///< of zeros and others
    bool wanted;            ///< whether it lets through where the mask is not zero, or where it is

    [[nodiscard]] static variable<T, Rank> run(variable<T, Rank> const& x, mask_operation const& by) {
        auto y = record<T, Rank>(x.shape(), by, x);
        kernels::zip([&by](T value, T m) { return (m != T{0}) == by.wanted ? value : T{0}; }, x.size(),
                     data_of(x), data_of(by.mask), data_of(y));
        return y;
    }
    template <std::size_t>
    [[nodiscard]] auto gradient(auto const&, auto const& grad) const {
        return run(grad, *this);
    }
};

template <class T, std::size_t Rank>
struct where_operation {
    static constexpr char const* name = "where";
    static constexpr unsigned reads(std::size_t) noexcept { return 0; }
    variable<T, Rank> mask;

    template <std::size_t I>
    [[nodiscard]] auto gradient(auto const&, auto const& grad) const {
        return mask_operation<T, Rank>::run(grad, {mask, I == 0});
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

namespace functional {
inline namespace HOOKCAM_INSTRUCTION_SET {

// A comparison makes a mask, an xt::xtensor of bool: no gradient passes through it.

/// a < b, element by element.
template <class A, class B>
    requires detail::operands<A, B>
[[nodiscard]] auto operator<(A&& a, B&& b) {
    return detail::compare([](auto x, auto y) { return x < y; }, a, b);
}
/// a ≤ b.
template <class A, class B>
    requires detail::operands<A, B>
[[nodiscard]] auto operator<=(A&& a, B&& b) {
    return detail::compare([](auto x, auto y) { return x <= y; }, a, b);
}
/// a > b.
template <class A, class B>
    requires detail::operands<A, B>
[[nodiscard]] auto operator>(A&& a, B&& b) {
    return detail::compare([](auto x, auto y) { return x > y; }, a, b);
}
/// a ≥ b.
template <class A, class B>
    requires detail::operands<A, B>
[[nodiscard]] auto operator>=(A&& a, B&& b) {
    return detail::compare([](auto x, auto y) { return x >= y; }, a, b);
}
/// a = b.
template <class A, class B>
    requires detail::operands<A, B>
[[nodiscard]] auto eq(A&& a, B&& b) {
    return detail::compare([](auto x, auto y) { return x == y; }, a, b);
}
/// a ≠ b.
template <class A, class B>
    requires detail::operands<A, B>
[[nodiscard]] auto ne(A&& a, B&& b) {
    return detail::compare([](auto x, auto y) { return x != y; }, a, b);
}

/// a where the mask is true, else b: the mask an xtensor expression of bool, a and b variables, expressions or
/// numbers, all broadcast.
template <class Mask, class A, class B>
    requires detail::an_expression<Mask> && detail::operands<A, B>
[[nodiscard]] auto where(Mask&& mask, A&& a, B&& b) {
    using T = detail::scalar_type_of<A, B>;
    auto const& left = detail::as_variable<T>(a);
    auto const& right = detail::as_variable<T>(b);
    auto const choice = detail::as_variable<T>(mask);
    auto const shape = detail::broadcast_shape(detail::broadcast_shape(left.shape(), right.shape(), "where"),
                                               choice.shape(), "where");
    constexpr std::size_t rank = std::tuple_size_v<std::remove_const_t<decltype(shape)>>;
    auto const chosen = detail::broadcast_to(choice, shape);
    auto const from_left = detail::broadcast_to(left, shape);
    auto const from_right = detail::broadcast_to(right, shape);
    auto y = detail::record<T, rank>(shape, detail::where_operation<T, rank>{chosen}, from_left, from_right);
    auto const *m = detail::data_of(chosen), *x = detail::data_of(from_left),
               *z = detail::data_of(from_right);
    auto* const to = detail::data_of(y);
    for (std::size_t i = 0; i < y.size(); ++i)
        to[i] = m[i] != T{0} ? x[i] : z[i];
    return y;
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace functional

} // namespace hookcam
