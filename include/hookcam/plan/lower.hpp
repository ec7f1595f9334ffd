#pragma once

#include "../compose/composite.hpp"
#include "../compose/named.hpp"
#include "../core/lists.hpp"
#include "forms.hpp"
#include "value.hpp"
#include "walk_blocked.hpp"
#include "walk_joins.hpp"
#include "walk_layer.hpp"
#include "walk_maps.hpp"
#include "watch.hpp"
// slots: begin
#include "walk_hooks.hpp"
// slots: end

#include <cstddef>
#include <type_traits>

namespace hookcam::detail {

// A network is lowered once, when a plan is made: a recursion over its type appends steps to a tape. What is
// appended depends on types alone, so what nobody asked for is never compiled.

template <class Facts, class Here, class Below, bool IsPath, class Node, class Value>
auto lower_node(lowering<Facts>& into, Node const& node, int id, Value in);
// slots: begin
template <class Facts, class Here, class Below, bool IsPath, class Node, class Slots, class Value>
auto lower_watched(lowering<Facts>& into, Node const& node, Slots const& slots_of_name, int id, Value in);
// slots: end

/// What a composite is given to join its children.
template <class Facts, class Watch, class Node>
struct lowering_scope {
    lowering<Facts>& into;
    Node const& node;
    int id;

    template <std::size_t Index, class Value>
    auto child(Value in) {
        return lower_node<Facts, list<>, Watch, false>(into, node.template child<Index>(), id, in);
    }
    template <class Value>
    auto fork(Value in) {
        return lower_fork(into, in);
    }
    template <class A, class B>
    auto sum(A a, B b) {
        return lower_sum(into, a, b);
    }
    template <class... Parts>
    auto concat(Parts... parts) {
        return lower_concat(into, parts...);
    }
    template <class A, class B>
    auto product(A a, B b) {
        return lower_product(into, a, b);
    }
};

/// What a node consists of, without what waits at the node itself.
template <class Facts, class Watch, class Node, class Value>
auto lower_body(lowering<Facts>& into, Node const& node, int id, Value in) {
    if constexpr (is_named<Node>) {
        using narrow = narrowed<Watch, Node::name>;
        int const named_id = ++into.last_node;
        // slots: begin
        if constexpr (Node::slot_list::size != 0)
            return lower_watched<Facts, typename narrow::here, typename narrow::below, true>(
                into, node.node, node.slots(), named_id, in);
        else
            // slots: end
            return lower_node<Facts, typename narrow::here, typename narrow::below, true>(into, node.node,
                                                                                          named_id, in);
    } else if constexpr (a_composite<Node>) {
        lowering_scope<Facts, Watch, Node> scope{into, node, id};
        return Node::lower(scope, in);
    } else {
        return lower_layer(into, node, id, in);
    }
}

/// The same, by the facts that hold inside of the node.
template <class Facts, class Here, class Below, class Node, class Value>
auto lower_inside(lowering<Facts>& into, Node const& node, int id, Value in) {
    using inside = typename Facts::mode::template inside<Facts, Here>;
    if constexpr (std::is_same_v<inside, Facts>) {
        return lower_body<Facts, Below>(into, node, id, in);
    } else {
        lowering<inside> part{into.to, into.last_node, into.parameters};
        // slots: begin
        part.attached = into.attached;
        // slots: end
        auto const out = lower_body<inside, Below>(part, node, id, in);
        into.last_node = part.last_node;
        into.parameters = part.parameters;
        return out;
    }
}

// slots: begin
template <class Facts, bool IsPath, class Node>
inline constexpr bool has_run_time_hooks = Facts::run_time_hooks&& IsPath;

/// A node with its hooks: those of its name, those of its policies, those attached, those to be registered.
template <class Facts, class Here, class Below, bool IsPath, class Node, class Slots, class Value>
auto lower_watched(lowering<Facts>& into, Node const& node, Slots const& slots_of_name, int id, Value in) {
    return lower_hooked<has_run_time_hooks<Facts, IsPath, Node>>(
        into, id, Here{}, node, hooks_at(into, node, slots_of_name, Here{}), in,
        [&](auto inner) { return lower_inside<Facts, Here, Below>(into, node, id, inner); });
}
// slots: end

/// A node with what waits there: its hooks, and what the request keeps. `IsPath` where the node has a path of
/// its own.
template <class Facts, class Here, class Below, bool IsPath, class Node, class Value>
auto lower_node(lowering<Facts>& into, Node const& node, int id, Value in) {
    // slots: begin
    if constexpr (has_run_time_hooks<Facts, IsPath, Node> || has_slots<Here> || has_policy_slots<Node>)
        return lower_watched<Facts, Here, Below, IsPath>(into, node, leaves_for<>{}, id, in);
    else
        // slots: end
        return keep(into, Here{}, lower_inside<Facts, Here, Below>(into, node, id, in));
}

} // namespace hookcam::detail
