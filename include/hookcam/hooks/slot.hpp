#pragma once

#include "../core/lists.hpp"
#include "../core/policies.hpp"
#include "events.hpp"

#include <cstddef>
#include <type_traits>
#include <utility>

namespace hookcam {

namespace detail {

/// One hook of a slot. The event is part of the type so that two equal empty hooks of different slots may
/// share an address: nvcc lays out equal empty members differently on host and device.
template <class Event, std::size_t Index, class Hook>
struct slot_entry {
    constexpr slot_entry() = default;
    // Not an aggregate: g++ 12 clears what shares the address of an empty one that it initialises as such.
    explicit constexpr slot_entry(Hook&& from) : hook{std::move(from)} {}

    // A hook may count and keep: its state is its own and no part of the layer's value.
    [[no_unique_address]] mutable Hook hook;
};

template <class Event, class Indices, class... Hooks>
struct slot_entries;
template <class Event, std::size_t... Indices, class... Hooks>
struct slot_entries<Event, std::index_sequence<Indices...>, Hooks...> : slot_entry<Event, Indices, Hooks>... {
    constexpr slot_entries() = default;
    template <class... Values>
    explicit constexpr slot_entries(std::in_place_t, Values&&... values)
        : slot_entry<Event, Indices, Hooks>{static_cast<Values&&>(values)}... {}
};

} // namespace detail

/// The hooks of one event, in order of attachment; an empty one takes no room. Made by `on_forward(…)` and
/// its like; as a policy of a layer (`relu<slot<events::forward, H>>`) its hooks are default-constructed.
template <class Event, class... Hooks>
struct slot : detail::slot_entries<Event, std::index_sequence_for<Hooks...>, Hooks...> {
    using kind = policy::slot;
    /// When its hooks are called: one of `events`.
    using event = Event;
    /// The number of its hooks.
    static constexpr std::size_t size = sizeof...(Hooks);
    /// True for a slot made by `prepend`: it goes in front of what is attached already.
    static constexpr bool first = false;

    using detail::slot_entries<Event, std::index_sequence_for<Hooks...>, Hooks...>::slot_entries;

    /// One of its hooks, by its place.
    template <std::size_t Index>
    [[nodiscard]] constexpr auto& hook() const noexcept {
        return entry<Index>(*this);
    }

private:
    template <std::size_t Index, class Hook>
    static constexpr Hook& entry(detail::slot_entry<Event, Index, Hook> const& of) noexcept {
        return of.hook;
    }
};

/// A slot that goes in front of what is attached already.
template <class Slot>
struct prepended : Slot {
    /// True: in front of what is attached already.
    static constexpr bool first = true;
    /// Made by `prepend`.
    explicit constexpr prepended(Slot hooks) : Slot{std::move(hooks)} {}
};

/// Hooks called before the layer runs, with (layer, input). What they return replaces the input.
template <class... Hooks>
[[nodiscard]] constexpr auto on_forward_pre(Hooks... hooks) {
    return slot<events::forward_pre, Hooks...>{std::in_place, std::move(hooks)...};
}

/// Hooks called after the layer ran, with (layer, input, output). What they return replaces the output.
template <class... Hooks>
[[nodiscard]] constexpr auto on_forward(Hooks... hooks) {
    return slot<events::forward, Hooks...>{std::in_place, std::move(hooks)...};
}

/// Hooks called before the layer's backward, with (layer, grad_output). What they return replaces
/// grad_output.
template <class... Hooks>
[[nodiscard]] constexpr auto on_backward_pre(Hooks... hooks) {
    return slot<events::backward_pre, Hooks...>{std::in_place, std::move(hooks)...};
}

/// Hooks called after the layer's backward, with (layer, grad_input, grad_output). What they return replaces
/// grad_input. Where no gradient of the input exists, grad_input is a `no_gradient`.
template <class... Hooks>
[[nodiscard]] constexpr auto on_backward(Hooks... hooks) {
    return slot<events::backward, Hooks...>{std::in_place, std::move(hooks)...};
}

/// Hooks called when a gradient of one of the layer's parameters is complete, with (layer, name, gradient).
/// What they return replaces the gradient. Silent in a plan that was not asked for parameter gradients.
template <class... Hooks>
[[nodiscard]] constexpr auto on_parameter_gradient(Hooks... hooks) {
    return slot<events::parameter_gradient, Hooks...>{std::in_place, std::move(hooks)...};
}

/// Puts hooks in front of what is attached already: `attach<"conv1">(model, prepend(on_forward(f)))`.
template <class Event, class... Hooks>
[[nodiscard]] constexpr auto prepend(slot<Event, Hooks...> hooks) {
    return prepended<slot<Event, Hooks...>>{std::move(hooks)};
}

namespace detail {

template <class T>
concept a_slot = requires {
    typename T::event;
    requires std::is_same_v<typename T::kind, policy::slot>;
};

/// The slots of a layer or a name, as a member. Without hooks it is of another type for every owner, and
/// shares no base with them: two empty parts of one type are never at one address, so empty layers side by
/// side would take room for it.
template <class Owner, class List>
struct slots_of;
template <class Owner>
struct slots_of<Owner, list<>> {};
template <class Owner, class First, class... Rest>
struct slots_of<Owner, list<First, Rest...>> : leaves_for<First, Rest...> {};

} // namespace detail

} // namespace hookcam
