#pragma once

#include "named.hpp"
#include "sequential.hpp"

namespace hookcam {

namespace detail {

template <class Indices, class... Layers>
struct indexed_for;
template <std::size_t... Indices, class... Layers>
struct indexed_for<std::index_sequence<Indices...>, Layers...> {
    using type = sequential<named<digits<Indices>(), Layers>...>;
};

} // namespace detail

/// A sequence whose children are named 0, 1, 2 …, as `nn.Sequential` does: `named<"features", indexed<…>>`
/// has the paths `features.0`, `features.1`, …
template <class... Layers>
using indexed = typename detail::indexed_for<std::index_sequence_for<Layers...>, Layers...>::type;

} // namespace hookcam
