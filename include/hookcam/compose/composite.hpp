#pragma once

#include "../core/fixed_string.hpp"
#include "../core/lists.hpp"

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

namespace hookcam {

/// The base of what is made of other layers. A composite says how its children are joined by a static function
/// `lower(scope, value)`: it passes the value from child to child with `scope.template child<I>(value)`, uses one
/// value twice by `scope.fork(value)`, and joins by `scope.sum(a, b)`, `scope.concat(parts…)` and
/// `scope.product(a, b)`. Children are listed in order of execution. Whoever walks a network (for sizes, to build a
/// plan) brings a scope and a kind of value.
template <class... Children>
struct composite : detail::leaves_for<Children...> {
    using children = detail::list<Children...>;

    template <std::size_t Index>
    [[nodiscard]] constexpr auto const& child() const noexcept {
        return detail::get_leaf<Index>(*this);
    }
};

namespace detail {

template <class T>
concept a_composite = requires {
    typename T::children;
};

template <std::size_t Index, class List>
struct element;
template <std::size_t Index, class First, class... Rest>
struct element<Index, list<First, Rest...>> : element<Index - 1, list<Rest...>> {};
template <class First, class... Rest>
struct element<0, list<First, Rest...>> {
    using type = First;
};

/// The children of a composite, by their place.
template <class Composite, std::size_t Index>
using child_of = std::remove_cvref_t<decltype(std::declval<Composite const&>().template child<Index>())>;

/// Each child's output is the next one's input.
template <std::size_t Index, std::size_t Count, class Scope, class Value>
constexpr auto chain(Scope& scope, Value value) {
    if constexpr (Index == Count)
        return value;
    else
        return chain<Index + 1, Count>(scope, scope.template child<Index>(value));
}

/// Gives one value to all children from `Index` on, and their outputs, behind those that are `done`, to `join`.
template <std::size_t Index, std::size_t Count, class Scope, class Value, class Join, class... Done>
constexpr auto branch(Scope& scope, Value value, Join join, Done... done) {
    if constexpr (Index + 1 == Count) {
        return join(done..., scope.template child<Index>(value));
    } else {
        auto const both = scope.fork(value);
        return branch<Index + 1, Count>(scope, both.second, join, done...,
                                        scope.template child<Index>(both.first));
    }
}

template <class... Children>
[[nodiscard]] std::string composite_type_name(char const* name) {
    std::string text{name};
    text += '<';
    bool first = true;
    ((text += first ? "" : ", ", text += Children::type_name(), first = false), ...);
    return text += '>';
}

} // namespace detail

} // namespace hookcam
