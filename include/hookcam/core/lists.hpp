#pragma once

#include <cstddef>
#include <utility>

namespace hookcam::detail {

/// A list of types.
template <class... Types>
struct list {
    static constexpr std::size_t size = sizeof...(Types);
};

template <class... Lists>
struct concatenated {
    using type = list<>;
};
template <class... Types>
struct concatenated<list<Types...>> {
    using type = list<Types...>;
};
template <class... A, class... B, class... Rest>
struct concatenated<list<A...>, list<B...>, Rest...> : concatenated<list<A..., B...>, Rest...> {};

template <class... Lists>
using concatenate = typename concatenated<Lists...>::type;

/// One element of a pack, reached by its index: as a base class it costs the compiler much less than
/// `std::tuple`, and an empty one takes no room.
template <std::size_t Index, class Type>
struct leaf {
    [[no_unique_address]] Type value;
};

template <class Indices, class... Types>
struct leaves;

template <std::size_t... Indices, class... Types>
struct leaves<std::index_sequence<Indices...>, Types...> : leaf<Indices, Types>... {
    constexpr leaves() = default;

    template <class... Values>
    explicit constexpr leaves(std::in_place_t, Values&&... values)
        : leaf<Indices, Types>{static_cast<Values&&>(values)}... {}
};

template <class... Types>
using leaves_for = leaves<std::index_sequence_for<Types...>, Types...>;

template <std::size_t Index, class Type>
[[nodiscard]] constexpr Type& get_leaf(leaf<Index, Type>& of) noexcept {
    return of.value;
}
template <std::size_t Index, class Type>
[[nodiscard]] constexpr Type const& get_leaf(leaf<Index, Type> const& of) noexcept {
    return of.value;
}

/// A static_assert on it fires only when the template around it is instantiated.
template <class...>
inline constexpr bool always_false = false;

} // namespace hookcam::detail
