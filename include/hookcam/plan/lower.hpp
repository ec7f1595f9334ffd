#pragma once

#include "../compose/composite.hpp"
#include "../compose/named.hpp"
#include "../core/lists.hpp"
#include "value.hpp"
#include "walk_layer.hpp"
#include "watch.hpp"
// slots: begin
#include "walk_hooks.hpp"
// slots: end

#include <cstddef>

namespace hookcam::detail {

// A network is lowered once, when a plan is made: a recursion over its type appends steps to a tape. What is
// appended depends on types alone, so what nobody asked for is never compiled.

template <class Facts, class Here, class Below, bool IsPath, class Node, class Slots, class Value>
auto lower_node(lowering<Facts>& into, Node const& node, Slots const& slots, int id, Value in);

/// What a composite is given to join its children.
template <class Facts, class Watch, class Node>
struct lowering_scope {
    lowering<Facts>& into;
    Node const& node;
    int id;

    template <std::size_t Index, class Value>
    auto child(Value in) {
        return lower_node<Facts, list<>, Watch, false>(into, node.template child<Index>(), leaves_for<>{}, id,
                                                       in);
    }
    template <class Value>
    auto fork(Value in) {
        return lower_fork(into, in);
    }
    template <class A, class B>
    auto sum(A a, B b) {
        return lower_sum(into, a, b);
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
            return lower_node<Facts, typename narrow::here, typename narrow::below, true>(
                into, node.node, node.slots(), named_id, in);
        else
            // slots: end
            return lower_node<Facts, typename narrow::here, typename narrow::below, true>(
                into, node.node, leaves_for<>{}, named_id, in);
    } else if constexpr (a_composite<Node>) {
        lowering_scope<Facts, Watch, Node> scope{into, node, id};
        return Node::lower(scope, in);
    } else {
        return lower_layer(into, node, id, in);
    }
}

/// A node with what waits there: the slots of its name, those of its policies, those attached, what the
/// request keeps. `IsPath` where the node has a path of its own.
template <class Facts, class Here, class Below, bool IsPath, class Node, class Slots, class Value>
auto lower_node(lowering<Facts>& into, Node const& node, [[maybe_unused]] Slots const& slots, int id,
                Value in) {
    // slots: begin
    constexpr bool run_time = Below::run_time && IsPath && !is_named<Node>;
    if constexpr (run_time || has_slots<Here> || has_policy_slots<Node> ||
                  !std::is_same_v<Slots, leaves_for<>>)
        return lower_hooked<run_time>(
            into, id, Here{}, node, hooks_at(into, node, slots, Here{}), in,
            [&](auto inner) { return lower_body<Facts, Below>(into, node, id, inner); });
    else
        // slots: end
        return keep(into, Here{}, lower_body<Facts, Below>(into, node, id, in));
}

} // namespace hookcam::detail
