#pragma once

#include "../compose/output_shape.hpp"
#include "../core/fixed_string.hpp"
#include "../core/lists.hpp"

#include <cstddef>
#include <string_view>
#include <type_traits>

namespace hookcam::detail {

// What waits in a network, and where. A walk narrows the list as it descends, so that a part in which nothing
// waits has the same type wherever it stands, and is instantiated once.

/// `What` waits at `Path`, of which `Walked` characters lie behind.
template <fixed_string Path, std::size_t Walked, class What>
struct at {};

/// `What` waits at every path.
template <class What>
struct everywhere {};

// slots: begin
/// The slot of an index among those attached.
template <std::size_t Index, class Slot>
struct attached_slot {};
// slots: end

/// The request keeps what it finds, under an index among its paths.
template <std::size_t Index>
struct keep_value {};
template <std::size_t Index>
struct keep_gradient {};

/// All that waits below a node.
template <class... Items>
struct watch {};

/// The list of what waits at the node itself.
template <class... What>
using waiting = list<What...>;

template <class Item, fixed_string Name>
struct narrowed_item;
template <fixed_string Path, std::size_t Walked, class What, fixed_string Name>
struct narrowed_item<at<Path, Walked, What>, Name> {
    static constexpr auto rest =
        Walked < Path.view().size() ? Path.view().substr(Walked) : std::string_view{};
    static constexpr bool is_here = rest == Name.view();
    static constexpr bool is_below = !path_behind(rest, Name.view()).empty();
    using here = std::conditional_t<is_here, list<What>, list<>>;
    using below = std::conditional_t<is_below, list<at<Path, Walked + Name.view().size() + 1, What>>, list<>>;
};
template <class What, fixed_string Name>
struct narrowed_item<everywhere<What>, Name> {
    using here = list<What>;
    using below = list<everywhere<What>>;
};

template <class List>
struct watch_of;
template <class... Items>
struct watch_of<list<Items...>> {
    using type = watch<Items...>;
};

/// What is left of a watch below a child of that name, and what waits at the child itself.
template <class Watch, fixed_string Name>
struct narrowed;
template <class... Items, fixed_string Name>
struct narrowed<watch<Items...>, Name> {
    using here = concatenate<list<>, typename narrowed_item<Items, Name>::here...>;
    using below = typename watch_of<concatenate<list<>, typename narrowed_item<Items, Name>::below...>>::type;
};

/// The same at the network itself, whose path is empty.
template <class Item>
struct root_item {
    using here = list<>;
    using below = list<Item>;
};
template <class What>
struct root_item<at<"", 0, What>> {
    using here = list<What>;
    using below = list<>;
};
template <class Watch>
struct narrowed_at_root;
template <class... Items>
struct narrowed_at_root<watch<Items...>> {
    using here = concatenate<list<>, typename root_item<Items>::here...>;
    using below = typename watch_of<concatenate<list<>, typename root_item<Items>::below...>>::type;
};

} // namespace hookcam::detail
