#pragma once

#include "../compose/composite.hpp"
#include "../compose/named.hpp"
#include "../compose/output_shape.hpp"
#include "../hooks/call.hpp"
#include "../hooks/layer_view.hpp"
#include "../hooks/slot.hpp"
#include "../hooks/transform.hpp"
#include "forms.hpp"
#include "runtime_tape.hpp"
#include "tape.hpp"
#include "value.hpp"
#include "walk_layer.hpp"
#include "watch.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace hookcam::detail {

// The steps of hooks. Each hook of a slot is a step of its own; a hook that may replace what it sees makes a
// new cell behind the old one, so that nothing is ever written twice.

// --- the hooks of a node, as a list of types with their addresses ------------------------------------------

/// A hook and the event that calls it.
template <class Event, class Hook>
struct hook_of {
    using event = Event;
    using type = Hook;
};

template <class... Hooks>
struct hook_set {
    std::array<void const*, sizeof...(Hooks)> addresses;
};

template <class... A, class... B>
[[nodiscard]] constexpr hook_set<A..., B...> operator+(hook_set<A...> const& a, hook_set<B...> const& b) {
    hook_set<A..., B...> both{};
    for (std::size_t i = 0; i < sizeof...(A); ++i)
        both.addresses[i] = a.addresses[i];
    for (std::size_t i = 0; i < sizeof...(B); ++i)
        both.addresses[sizeof...(A) + i] = b.addresses[i];
    return both;
}

template <class Event, class... Hooks>
[[nodiscard]] constexpr hook_set<hook_of<Event, Hooks>...> hooks_of(slot<Event, Hooks...> const& of) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return hook_set<hook_of<Event, Hooks>...>{{static_cast<void const*>(&of.template hook<I>())...}};
    }
    (std::index_sequence_for<Hooks...>{});
}

/// The hooks of several slots: those that were prepended, the last of them in front, then the others.
template <class First, class... Rest>
[[nodiscard]] constexpr auto collect_prepended(First const& first, Rest const&... rest) {
    auto const own = [&] {
        if constexpr (First::first)
            return hooks_of(first);
        else
            return hook_set<>{};
    }();
    if constexpr (sizeof...(Rest) == 0)
        return own;
    else
        return collect_prepended(rest...) + own;
}

template <class First, class... Rest>
[[nodiscard]] constexpr auto collect_appended(First const& first, Rest const&... rest) {
    auto const own = [&] {
        if constexpr (First::first)
            return hook_set<>{};
        else
            return hooks_of(first);
    }();
    if constexpr (sizeof...(Rest) == 0)
        return own;
    else
        return own + collect_appended(rest...);
}

template <class... Slots>
[[nodiscard]] constexpr auto collect_hooks(Slots const&... slots) {
    if constexpr (sizeof...(Slots) == 0)
        return hook_set<>{};
    else
        return collect_prepended(slots...) + collect_appended(slots...);
}

template <class T>
inline constexpr bool is_attached_slot = false;
template <std::size_t Index, class Slot>
inline constexpr bool is_attached_slot<attached_slot<Index, Slot>> = true;

template <class Here>
inline constexpr bool has_slots = false;
template <class... What>
inline constexpr bool has_slots<list<What...>> = (false || ... || is_attached_slot<What>);

/// A layer whose policies hold hooks. (The slots of a name are those of what it names.)
template <class Node>
concept has_policy_slots = !is_named<Node> && requires {
    requires(Node::slot_list::size != 0);
};

/// All hooks of a node as one pack of slots: those of the layer's policies, those of its name, those
/// attached.
template <class Node, class Facts, class... NamedSlots, std::size_t... NamedIndices, class... Here>
[[nodiscard]] auto hooks_at(lowering<Facts> const& into, Node const& node,
                            leaves<std::index_sequence<NamedIndices...>, NamedSlots...> const& of_name,
                            list<Here...>) {
    auto const attached = [&]<std::size_t Index, class Slot>(attached_slot<Index, Slot>) -> Slot const& {
        return get_leaf<Index>(into.attached.get());
    };
    auto const with_attached = [&](auto const&... before) {
        return [&]<class... Attached>(list<Attached...>) {
            return collect_hooks(before..., attached(Attached{})...);
        }(concatenate<list<>, std::conditional_t<is_attached_slot<Here>, list<Here>, list<>>...>{});
    };
    if constexpr (has_policy_slots<Node>)
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
            return with_attached(get_leaf<I>(node.slots())..., get_leaf<NamedIndices>(of_name)...);
        }
    (std::make_index_sequence<Node::slot_list::size>{});
    else return with_attached(get_leaf<NamedIndices>(of_name)...);
}

template <class Event, class... Hooks>
constexpr bool has_event(hook_set<Hooks...> const&) {
    return (false || ... || std::is_same_v<typename Hooks::event, Event>);
}

// --- typed hooks -------------------------------------------------------------------------------------------

/// What is called: a transform's own forward, or the hook itself.
template <class Hook>
[[nodiscard]] constexpr auto& forward_function(Hook const& hook) {
    if constexpr (is_transform<Hook>)
        return const_cast<Hook&>(hook).forward;
    else
        return const_cast<Hook&>(hook);
}

/// Copies a replacement into a device's memory, from there or from an expression.
template <class T, class Device, class Made>
void replace_on_device(Device const& device, T* to, Made const& made) {
    if constexpr (is_device_view<Made>) {
        copy_from_stream(*device.stream, to, *made.device().stream, made.data(), made.size() * sizeof(T));
    } else {
        xt::xarray<T> const evaluated = made;
        device.stream->copy_in(to, evaluated.data(), evaluated.size() * sizeof(T));
    }
}

/// Calls a hook and, where it returns a replacement, fills `to` with it.
template <class Event, std::size_t Rank, class Shape, class Device, class T, class Hook, class... Arguments>
void call_typed(tape<T> const& t, Hook& hook, T* to, extents const& sizes, Arguments const&... arguments) {
    if constexpr (hook_must_be_callable<Event, Hook, Arguments const&...>::value) {
        using result = std::invoke_result_t<Hook&, Arguments const&...>;
        check_result<Hook, result, T, Shape>();
        if constexpr (std::is_void_v<result>)
            hook(arguments...);
        else if constexpr (can_replace<result, T, Rank + 1>()) {
            auto&& made = hook(arguments...);
            if constexpr (a_gpu<Device>) {
                auto const place = device_batch_view<Rank>(device_at<Device>(t), to, t.batch, sizes);
                check_replacement(made, place.shape());
                replace_on_device<T>(place.device(), to, made);
            } else {
                auto place = batch_view<Rank>(to, t.batch, sizes);
                check_replacement(made, place.shape());
                xt::noalias(place) = made;
            }
        }
    }
}

/// True where a hook returns something: it then makes a new cell.
template <class Hook, class... Arguments>
constexpr bool replaces() {
    if constexpr (std::is_invocable_v<Hook&, Arguments...>)
        return !std::is_void_v<std::invoke_result_t<Hook&, Arguments...>>;
    else
        return false;
}

/// The layer's row of a tape's table, for `layer_view`.
inline bool find_parameter_row(void const* table, std::string_view path, std::string_view name,
                               std::size_t& offset, extents& sizes) {
    for (auto const& row : static_cast<network_table const*>(table)->parameters) {
        std::string_view key = row.key;
        if (!path.empty())
            key = path_behind(key, path);
        if (key != name)
            continue;
        offset = row.offset;
        sizes = row.sizes;
        return true;
    }
    return false;
}

template <class Device = cpu, class T>
[[nodiscard]] typename layer_view<T, Device>::source layer_source(tape<T> const& t, step<T> const& s) {
    return {t.path_of(s.node), s.type_name, t.table, t.parameters, &find_parameter_row, device_at<Device>(t)};
}

template <class T, std::size_t Rank, class Device>
using seen =
    decltype(view_of_cell<Rank, Device>(std::declval<tape<T> const&>(), std::declval<cell<T> const&>()));

template <class Node, class Shape, class Hook, class Device, class T>
void run_forward_pre(tape<T>& t, step<T> const& s) {
    constexpr std::size_t rank = Shape::rank;
    auto const& in = t.value(s.input);
    typed_layer<Node, T, Device> const layer{layer_source<Device>(t, s)};
    call_typed<events::forward_pre, rank, Shape, Device>(
        t, forward_function(*static_cast<Hook const*>(s.object)),
        s.output >= 0 ? t.value(s.output).data : nullptr, in.sizes, layer, view_of_cell<rank, Device>(t, in));
}

template <class Node, class InShape, class OutShape, class Hook, class Device, class T>
void run_forward_hook(tape<T>& t, step<T> const& s) {
    constexpr std::size_t rank = OutShape::rank;
    auto const& out = t.value(s.second_input);
    typed_layer<Node, T, Device> const layer{layer_source<Device>(t, s)};
    call_typed<events::forward, rank, OutShape, Device>(
        t, forward_function(*static_cast<Hook const*>(s.object)),
        s.output >= 0 ? t.value(s.output).data : nullptr, out.sizes, layer,
        view_of_cell<InShape::rank, Device>(t, t.value(s.input)), view_of_cell<rank, Device>(t, out));
}

template <class Node, class Shape, class Hook, class Device, class T>
void run_backward_pre(tape<T>& t, step<T> const& s) {
    constexpr std::size_t rank = Shape::rank;
    auto const& grad = t.gradient(s.grad_output);
    typed_layer<Node, T, Device> const layer{layer_source<Device>(t, s)};
    call_typed<events::backward_pre, rank, Shape, Device>(
        t, const_cast<Hook&>(*static_cast<Hook const*>(s.object)),
        s.grad_input >= 0 ? t.gradient(s.grad_input).data : nullptr, grad.sizes, layer,
        view_of_cell<rank, Device>(t, grad));
}

/// A transform's own backward: from the gradient of the replacement to that of what it replaced.
template <class Node, class Shape, class Hook, class Device, class T>
void run_transform_backward(tape<T>& t, step<T> const& s) {
    constexpr std::size_t rank = Shape::rank;
    auto const& grad = t.gradient(s.grad_output);
    auto& to = t.gradient(s.grad_input);
    auto& function = const_cast<Hook&>(*static_cast<Hook const*>(s.object)).backward;
    typed_layer<Node, T, Device> const layer{layer_source<Device>(t, s)};
    static_assert(
        replaces<decltype(function), typed_layer<Node, T, Device> const&, seen<T, rank, Device> const&>(),
        "hookcam::transform: backward must be callable with (layer, gradient) and return the "
        "gradient of what "
        "forward replaced; return an expression of its shape");
    call_typed<events::backward_pre, rank, Shape, Device>(t, function, to.data, to.sizes, layer,
                                                          view_of_cell<rank, Device>(t, grad));
}

template <class Node, class InShape, class OutShape, class Hook, bool HasGradient, class Device, class T>
void run_backward_hook(tape<T>& t, step<T> const& s) {
    typed_layer<Node, T, Device> const layer{layer_source<Device>(t, s)};
    auto& hook = const_cast<Hook&>(*static_cast<Hook const*>(s.object));
    auto const grad_output = view_of_cell<OutShape::rank, Device>(t, t.gradient(s.second_grad_output));
    if constexpr (HasGradient) {
        constexpr std::size_t rank = InShape::rank;
        auto const& grad = t.gradient(s.grad_output);
        call_typed<events::backward, rank, InShape, Device>(
            t, hook, s.grad_input >= 0 ? t.gradient(s.grad_input).data : nullptr, grad.sizes, layer,
            view_of_cell<rank, Device>(t, grad), grad_output);
    } else if constexpr (hook_must_be_callable<events::backward, Hook, typed_layer<Node, T, Device> const&,
                                               no_gradient const&, decltype(grad_output)&>::value) {
        using result = std::invoke_result_t<Hook&, typed_layer<Node, T, Device> const&, no_gradient const&,
                                            decltype(grad_output)&>;
        static_assert(hook_result_must_fit < Hook, result,
                      std::is_same_v<std::remove_cvref_t<result>, no_gradient> ||
                          can_replace<result, T, dynamic>() > ::value);
        // Nothing is there to be replaced: what the hook returns is dropped.
        static_cast<void>(hook(layer, no_gradient{}, grad_output));
    }
}

/// Calls `function(name, gradient, place)` for every learned parameter of the node that a step belongs to.
template <class Device = cpu, class T, class Function>
void each_parameter_gradient(tape<T>& t, step<T> const& s, Function function) {
    auto const path = t.path_of(s.node);
    for (auto const& row : t.table->parameters) {
        if (!row.is_learned || row.offset < s.parameters || row.offset >= s.state)
            continue;
        std::string_view const name = path.empty() ? std::string_view{row.key} : path_behind(row.key, path);
        function(name, any_view_on<Device>(t, t.parameter_gradients.data() + row.offset, row.sizes),
                 t.parameter_gradients.data() + row.offset);
    }
}

/// What replaces a gradient of a parameter is evaluated before it is copied: it may read what it replaces.
template <class T, class Device = cpu, class Made>
void replace_parameter_gradient(any_seen<T, Device> const& gradient, T* place, Made const& made) {
    check_replacement(made, gradient.shape());
    if constexpr (a_gpu<Device>) {
        replace_on_device(gradient.device(), place, made);
    } else {
        xt::xarray<T> const evaluated = made;
        std::copy_n(evaluated.data(), evaluated.size(), place);
    }
}

template <class Node, class Hook, class Device, class T>
void run_parameter_hook(tape<T>& t, step<T> const& s) {
    typed_layer<Node, T, Device> const layer{layer_source<Device>(t, s)};
    auto& hook = const_cast<Hook&>(*static_cast<Hook const*>(s.object));
    using layer_type = typed_layer<Node, T, Device> const&;
    if constexpr (hook_must_be_callable<events::parameter_gradient, Hook, layer_type, std::string_view const&,
                                        any_seen<T, Device> const&>::value) {
        using result =
            std::invoke_result_t<Hook&, layer_type, std::string_view const&, any_seen<T, Device> const&>;
        if constexpr (hook_result_must_fit<Hook, result, can_replace<result, T, dynamic>()>::value)
            each_parameter_gradient<Device>(t, s, [&](std::string_view name, auto const& gradient, T* place) {
                if constexpr (std::is_void_v<result>)
                    hook(layer, name, gradient);
                else
                    replace_parameter_gradient<T, Device>(gradient, place, hook(layer, name, gradient));
            });
    }
}

// --- run-time hooks ----------------------------------------------------------------------------------------

/// The tape, for steps that only a plan with run-time hooks has.
template <class Device, class T>
[[nodiscard]] runtime_tape<T, Device>& with_hooks(tape<T>& of) {
    return static_cast<runtime_tape<T, Device>&>(of);
}

template <class Event, class T, class Device>
[[nodiscard]] hook_list<Event, T, Device> const& registered(runtime_tape<T, Device> const& t,
                                                            step<T> const& s) {
    return std::get<hook_list<Event, T, Device>>((*t.hooks)[static_cast<std::size_t>(s.node)]);
}
template <class Event, class T, class Device>
bool any_registered(runtime_tape<T, Device> const& t, step<T> const& s) {
    return !registered<Event>(t, s).empty();
}

/// Lets every registered hook see what the ones before it made. Points `to` at the last replacement, or at
/// `from` where there is none.
template <class Event, class T, class Device, class Call>
void run_registered(runtime_tape<T, Device>& t, step<T> const& s, cell<T> const& from, cell<T>& to,
                    Call call) {
    to.data = from.data;
    for (auto const& hook : registered<Event>(t, s)) {
        auto const current = any_view_of_cell<Device>(t, to);
        auto const made = call(hook.call, current);
        if (!made)
            continue;
        check_replacement(*made, current.shape());
        auto& kept = t.replacements[s.state];
        if (kept.size() != made->size())
            kept = memory<T>(made->size(), t.where);
        if constexpr (a_gpu<Device>)
            replace_on_device(made->device(), kept.data(), *made);
        else
            std::copy_n(made->data(), made->size(), kept.data());
        to.data = kept.data();
    }
}

template <class T, class Device>
void run_registered_forward_pre(tape<T>& of, step<T> const& s) {
    auto& t = with_hooks<Device>(of);
    layer_view<T, Device> const layer{layer_source<Device>(t, s)};
    run_registered<events::forward_pre>(
        t, s, t.value(s.input), t.value(s.output),
        [&](auto const& hook, auto const& input) { return (*hook)(layer, input); });
}

template <class T, class Device>
void run_registered_forward(tape<T>& of, step<T> const& s) {
    auto& t = with_hooks<Device>(of);
    layer_view<T, Device> const layer{layer_source<Device>(t, s)};
    auto const input = any_view_of_cell<Device>(t, t.value(s.input));
    run_registered<events::forward>(
        t, s, t.value(s.second_input), t.value(s.output),
        [&](auto const& hook, auto const& output) { return (*hook)(layer, input, output); });
}

template <class T, class Device>
void run_registered_backward_pre(tape<T>& of, step<T> const& s) {
    auto& t = with_hooks<Device>(of);
    if (!t.needs(s.grad_output))
        return;
    layer_view<T, Device> const layer{layer_source<Device>(t, s)};
    run_registered<events::backward_pre>(
        t, s, t.gradient(s.grad_output), t.gradient(s.grad_input),
        [&](auto const& hook, auto const& grad_output) { return (*hook)(layer, grad_output); });
}

template <class T, class Device>
void run_registered_backward(tape<T>& of, step<T> const& s) {
    auto& t = with_hooks<Device>(of);
    layer_view<T, Device> const layer{layer_source<Device>(t, s)};
    if (s.grad_output >= 0) {
        if (!t.needs(s.grad_output))
            return;
        if (registered<events::backward>(t, s).empty()) {
            t.gradient(s.grad_input).data = t.gradient(s.grad_output).data;
            return;
        }
        auto const grad_output = any_view_of_cell<Device>(t, t.gradient(s.second_grad_output));
        run_registered<events::backward>(t, s, t.gradient(s.grad_output), t.gradient(s.grad_input),
                                         [&](auto const& hook, auto const& grad_input) {
                                             return (*hook)(layer, grad_input, grad_output);
                                         });
        return;
    }
    // The network's input has no gradient here: the hooks get an empty view, and what they return is dropped.
    auto const nothing = any_view_on<Device>(t, t.parameters, extents{0});
    for (auto const& hook : registered<events::backward>(t, s))
        (*hook.call)(layer, nothing, any_view_of_cell<Device>(t, t.gradient(s.second_grad_output)));
}

template <class T, class Device>
void run_registered_parameter(tape<T>& of, step<T> const& s) {
    auto& t = with_hooks<Device>(of);
    layer_view<T, Device> const layer{layer_source<Device>(t, s)};
    for (auto const& hook : registered<events::parameter_gradient>(t, s))
        each_parameter_gradient<Device>(t, s, [&](std::string_view name, auto const& gradient, T* place) {
            if (auto const made = (*hook.call)(layer, name, gradient))
                replace_parameter_gradient<T, Device>(gradient, place, *made);
        });
}

// --- lowering ----------------------------------------------------------------------------------------------

/// A hook sees the value that its cell holds when it is called; the sizes of what it makes are those of what
/// it saw.
template <class T>
void plan_replacement(tape<T>& t, step<T> const& s) {
    t.size_value(s.output, t.value(s.second_input >= 0 ? s.second_input : s.input).sizes);
}

/// Lowers one hooked node; the functions below are its parts, in order of forward.
template <class Facts, class Node, bool RunTime>
struct hooked_node {
    using T = typename Facts::value_type;
    using device = typename Facts::device;

    lowering<Facts>& into;
    int id;
    std::size_t first_parameter = into.parameters;
    std::vector<std::size_t>
        wants_grad_output{}; ///< backward steps that also look at the gradient of the output

    /// Every pass computes this gradient.
    void pin([[maybe_unused]] int gradient) const {
        if constexpr (Facts::run_time_hooks)
            into.to.pin(gradient);
    }

    [[nodiscard]] step<T> new_step(void const* hook = nullptr) const {
        step<T> s;
        s.what = hook == nullptr ? "run-time hooks of" : "hook of";
        s.type_name = &Node::type_name;
        s.object = hook;
        s.node = id;
        s.leaves_device = true;
        return s;
    }

    /// A forward hook's new value behind the old one.
    template <class Shape, class Value>
    auto replaced(Value of, int cell) {
        return value<Shape, Value::gradient_need, false, Value::is_input>{cell, of.gradient};
    }

    template <class Shape, class Hook, class Value>
    auto transformed(Value of, int cell, void const* hook) {
        value<Shape, Value::gradient_need, false, false> to{cell, of.gradient};
        if constexpr (Value::gradient_need != need::never) {
            to.gradient = into.to.add_gradient(cell);
            auto s = new_step(hook);
            s.run = &run_transform_backward<Node, Shape, Hook, device, T>;
            s.grad_output = to.gradient;
            s.grad_input = of.gradient;
            into.to.gradient(of.gradient).owns = true;
            into.to.backward.push_back(s);
        }
        return to;
    }

    /// The value behind a forward hook.
    template <class Shape, class Hook, bool Replaces, class Value>
    auto behind(step<T> s, Value of) {
        static_assert(Replaces || !is_transform<Hook>,
                      "hookcam::transform: forward must return the replacement; give a hook that only looks "
                      "without a transform");
        if constexpr (!Replaces) {
            into.to.forward.push_back(s);
            return of;
        } else {
            s.output = into.to.add_value(Shape::value, true);
            s.plan = &plan_replacement<T>;
            into.to.forward.push_back(s);
            if constexpr (is_transform<Hook>)
                return transformed<Shape, Hook>(of, s.output, s.object);
            else
                return replaced<Shape>(of, s.output);
        }
    }

    template <std::size_t I, class... Hooks, class Value>
    auto before_forward(hook_set<Hooks...> const& hooks, Value in) {
        if constexpr (I == sizeof...(Hooks)) {
            return in;
        } else {
            using here = typename element<I, list<Hooks...>>::type;
            if constexpr (std::is_same_v<typename here::event, events::forward_pre>) {
                using shape = typename Value::shape;
                using function = std::remove_reference_t<decltype(forward_function(
                    std::declval<typename here::type const&>()))>;
                constexpr bool makes = replaces<function, typed_layer<Node, T, device> const&,
                                                seen<T, shape::rank, device> const&>();
                auto s = new_step(hooks.addresses[I]);
                s.run = &run_forward_pre<Node, shape, typename here::type, device, T>;
                s.input = in.cell;
                return before_forward<I + 1>(hooks, behind<shape, typename here::type, makes>(s, in));
            } else {
                return before_forward<I + 1>(hooks, in);
            }
        }
    }

    template <std::size_t I, class... Hooks, class In, class Value>
    auto after_forward(hook_set<Hooks...> const& hooks, In in, Value out) {
        if constexpr (I == sizeof...(Hooks)) {
            return out;
        } else {
            using here = typename element<I, list<Hooks...>>::type;
            if constexpr (std::is_same_v<typename here::event, events::forward>) {
                using in_shape = typename In::shape;
                using shape = typename Value::shape;
                using function = std::remove_reference_t<decltype(forward_function(
                    std::declval<typename here::type const&>()))>;
                constexpr bool makes =
                    replaces<function, typed_layer<Node, T, device> const&,
                             seen<T, in_shape::rank, device> const&, seen<T, shape::rank, device> const&>();
                auto s = new_step(hooks.addresses[I]);
                s.run = &run_forward_hook<Node, in_shape, shape, typename here::type, device, T>;
                s.input = in.cell;
                s.second_input = out.cell;
                return after_forward<I + 1>(hooks, in, behind<shape, typename here::type, makes>(s, out));
            } else {
                return after_forward<I + 1>(hooks, in, out);
            }
        }
    }

    /// Records the backward hooks, the last one first: they run in reverse. Returns the value whose gradient
    /// the layer itself writes.
    template <std::size_t I, class OutShape, class... Hooks, class Value>
    auto around_backward(hook_set<Hooks...> const& hooks, Value in) {
        if constexpr (I == 0) {
            return in;
        } else {
            using here = typename element<I - 1, list<Hooks...>>::type;
            if constexpr (std::is_same_v<typename here::event, events::backward>) {
                using shape = typename Value::shape;
                constexpr bool has_gradient = Value::gradient_need != need::never;
                constexpr bool makes =
                    has_gradient &&
                    replaces<typename here::type, typed_layer<Node, T, device> const&,
                             seen<T, shape::rank, device> const&, seen<T, OutShape::rank, device> const&>();
                auto s = new_step(hooks.addresses[I - 1]);
                s.run =
                    &run_backward_hook<Node, shape, OutShape, typename here::type, has_gradient, device, T>;
                auto inner = in;
                if constexpr (makes) {
                    inner.gradient = into.to.add_gradient(in.cell);
                    s.grad_input = in.gradient;
                    into.to.gradient(in.gradient).owns = true;
                }
                if constexpr (has_gradient) {
                    s.grad_output = inner.gradient;
                    pin(inner.gradient);
                }
                wants_grad_output.push_back(into.to.backward.size());
                into.to.backward.push_back(s);
                return around_backward<I - 1, OutShape>(hooks, inner);
            } else {
                return around_backward<I - 1, OutShape>(hooks, in);
            }
        }
    }

    template <std::size_t I, class... Hooks, class Value>
    auto before_backward(hook_set<Hooks...> const& hooks, Value out) {
        if constexpr (I == 0) {
            return out;
        } else {
            using here = typename element<I - 1, list<Hooks...>>::type;
            if constexpr (std::is_same_v<typename here::event, events::backward_pre>) {
                using shape = typename Value::shape;
                constexpr bool makes = replaces<typename here::type, typed_layer<Node, T, device> const&,
                                                seen<T, shape::rank, device> const&>();
                auto s = new_step(hooks.addresses[I - 1]);
                s.run = &run_backward_pre<Node, shape, typename here::type, device, T>;
                auto outer = out;
                if constexpr (makes) {
                    outer.gradient = into.to.add_gradient(out.cell);
                    s.grad_input = out.gradient;
                    into.to.gradient(out.gradient).owns = true;
                    pin(outer.gradient);
                }
                s.grad_output = outer.gradient;
                into.to.backward.push_back(s);
                return before_backward<I - 1>(hooks, outer);
            } else {
                return before_backward<I - 1>(hooks, out);
            }
        }
    }

    /// Records hooks of parameter gradients; where the node's parameters end is known later.
    template <std::size_t I, class... Hooks>
    void after_parameters(hook_set<Hooks...> const& hooks, std::vector<std::size_t>& open) {
        if constexpr (I != 0) {
            using here = typename element<I - 1, list<Hooks...>>::type;
            if constexpr (std::is_same_v<typename here::event, events::parameter_gradient>) {
                auto s = new_step(hooks.addresses[I - 1]);
                s.run = &run_parameter_hook<Node, typename here::type, device, T>;
                s.parameters = first_parameter;
                open.push_back(into.to.backward.size());
                into.to.backward.push_back(s);
            }
            after_parameters<I - 1>(hooks, open);
        }
    }

    // --- the same for hooks that are registered at run time; one step for each event ---

    [[nodiscard]] std::size_t new_replacement() {
        into.to.replacements.emplace_back();
        return into.to.replacements.size() - 1;
    }

    /// Says of the next backward step how to find out whether it has a hook.
    void note_looks(typename runtime_tape<T, device>::looks_function looks) {
        into.to.looks.resize(into.to.backward.size());
        into.to.looks.push_back(looks);
    }

    template <class Value>
    auto registered_before_forward(Value in) {
        auto s = new_step();
        s.run = &run_registered_forward_pre<T, device>;
        s.plan = &plan_replacement<T>;
        s.input = in.cell;
        s.output = into.to.add_value(Value::shape::value, false);
        s.state = new_replacement();
        into.to.forward.push_back(s);
        return value<typename Value::shape, Value::gradient_need, true, Value::is_input>{s.output,
                                                                                         in.gradient};
    }

    template <class In, class Value>
    auto registered_after_forward(In in, Value out) {
        auto s = new_step();
        s.run = &run_registered_forward<T, device>;
        s.plan = &plan_replacement<T>;
        s.input = in.cell;
        s.second_input = out.cell;
        s.output = into.to.add_value(Value::shape::value, false);
        s.state = new_replacement();
        into.to.forward.push_back(s);
        return value<typename Value::shape, Value::gradient_need, true, Value::is_input>{s.output,
                                                                                         out.gradient};
    }

    template <class Value>
    auto registered_around_backward(Value in) {
        auto s = new_step();
        s.run = &run_registered_backward<T, device>;
        auto inner = in;
        if constexpr (Value::gradient_need != need::never) {
            inner.gradient = into.to.add_gradient(in.cell);
            s.grad_input = in.gradient;
            s.grad_output = inner.gradient;
        }
        s.state = new_replacement();
        wants_grad_output.push_back(into.to.backward.size());
        note_looks(&any_registered<events::backward, T, device>);
        into.to.backward.push_back(s);
        return inner;
    }

    template <class Value>
    auto registered_before_backward(Value out) {
        auto outer = out;
        outer.gradient = into.to.add_gradient(out.cell);
        auto s = new_step();
        s.run = &run_registered_backward_pre<T, device>;
        s.grad_input = out.gradient;
        s.grad_output = outer.gradient;
        s.state = new_replacement();
        note_looks(&any_registered<events::backward_pre, T, device>);
        into.to.backward.push_back(s);
        return outer;
    }

    void registered_after_parameters(std::vector<std::size_t>& open) {
        auto s = new_step();
        s.run = &run_registered_parameter<T, device>;
        s.parameters = first_parameter;
        open.push_back(into.to.backward.size());
        into.to.backward.push_back(s);
    }
};

/// A node at which hooks are attached or may be registered. `body` lowers the node without its hooks.
template <bool RunTime, class Facts, class Here, class Node, class... Hooks, class Shape, need Gradient,
          bool Kept, bool IsInput, class Form, class Body>
auto lower_hooked(lowering<Facts>& into, int id, Here here, Node const&, hook_set<Hooks...> const& hooks,
                  value<Shape, Gradient, Kept, IsInput, Form> in_any_form, Body body) {
    auto const given = dense(into, in_any_form); // hooks see N,C,H,W
    using set = hook_set<Hooks...>;
    constexpr std::size_t count = sizeof...(Hooks);
    constexpr bool looks_forward = RunTime || has_event<events::forward>(set{});
    constexpr bool looks_back = Facts::differentiates && (has_event<events::backward>(set{}));
    constexpr bool looks_back_before = Facts::differentiates && (has_event<events::backward_pre>(set{}));
    constexpr need may = Facts::differentiates && RunTime ? need::maybe : need::never;
    // A network's input has a gradient only where the request asks for it.
    constexpr need wanted_of_input =
        IsInput && Gradient == need::never ? need::never : (looks_back ? need::always : may);
    constexpr need wanted_of_output = looks_back || looks_back_before ? need::always : may;
    using out_shape = shape_from<shape_after<Node, Shape>>;

    hooked_node<Facts, Node, RunTime> at{into, id};
    auto const in_typed = at.template before_forward<0>(hooks, given);
    auto const in = [&] {
        auto const raised = raise<wanted_of_input, looks_forward>(into, in_typed);
        if constexpr (RunTime)
            return at.registered_before_forward(raised);
        else
            return raised;
    }();
    std::vector<std::size_t> open_parameters;
    auto const inner = [&] {
        if constexpr (!Facts::differentiates) {
            return in;
        } else {
            auto const outermost = [&] {
                if constexpr (RunTime)
                    return at.registered_around_backward(in);
                else
                    return in;
            }();
            auto const around = at.template around_backward<count, out_shape>(hooks, outermost);
            if constexpr (Facts::parameter_hooks) {
                if constexpr (RunTime)
                    at.registered_after_parameters(open_parameters);
                at.template after_parameters<count>(hooks, open_parameters);
            }
            return around;
        }
    }();

    auto const ran = dense(into, body(inner));
    for (auto const index : open_parameters)
        into.to.backward[index].state = into.parameters;

    auto const after_typed = at.template after_forward<0>(hooks, in, ran);
    auto const after = [&] {
        if constexpr (RunTime)
            return at.registered_after_forward(in, after_typed);
        else
            return after_typed;
    }();
    auto const raised = raise<wanted_of_output, false>(into, after);
    for (auto const index : at.wants_grad_output)
        into.to.backward[index].second_grad_output = raised.gradient;
    auto const kept = keep(into, here, raised);
    if constexpr (RunTime) {
        into.to.node_values[static_cast<std::size_t>(id)] = kept.cell;
        into.to.node_gradients[static_cast<std::size_t>(id)] = kept.gradient;
        // The path that a request chooses may be any.
        into.to.value(kept.cell).stays = true;
        if (kept.gradient >= 0)
            into.to.gradient(kept.gradient).stays = true;
    }
    if constexpr (!Facts::differentiates) {
        return kept;
    } else {
        auto const outer = [&] {
            if constexpr (RunTime)
                return at.registered_before_backward(kept);
            else
                return kept;
        }();
        return at.template before_backward<count>(hooks, outer);
    }
}

} // namespace hookcam::detail
