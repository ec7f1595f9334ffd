#pragma once

#include "../core/lists.hpp"
#include "tape.hpp"
#include "watch.hpp"

#include <cstddef>
#include <type_traits>

namespace hookcam::detail {

/// Does anybody need the gradient of a value? `maybe` where a run-time hook or a path given at run time
/// decides.
enum class need { never, maybe, always };

[[nodiscard]] constexpr need max(need a, need b) noexcept {
    return a < b ? b : a;
}

/// A tensor while a network is being lowered: the index of its cell, that of its gradient (−1 where nobody
/// needs it), and as types what decides which steps there will be. A kept value must not be overwritten in
/// place; an input of the network has a gradient only where the request asks for it.
template <class Shape, need Gradient, bool Kept, bool IsInput>
struct value {
    using shape = Shape;
    static constexpr need gradient_need = Gradient;
    static constexpr bool is_kept = Kept;
    static constexpr bool is_input = IsInput;

    int cell;
    int gradient;
};

/// The compile-time facts of a plan.
template <class Model, class Request>
struct facts {
    using value_type = typename Model::value_type;
    using device = typename Model::device_type;
    static constexpr bool differentiates = Request::differentiates;
    static constexpr bool input_gradient = Request::differentiates && Request::input_gradient;
    static constexpr bool parameter_gradients = Request::differentiates && Request::parameter_gradients;
    using tape_type = typename Model::tape_type;
    // slots: begin
    static constexpr bool run_time_hooks = Model::run_time_hooks;
    using slots = typename Model::slots_type;
    // slots: end
};

// slots: begin
/// The slots that are attached to a model. Where there are none, there is nothing to hold.
template <class Slots>
struct attached_slots {
    Slots const* slots = nullptr;
    [[nodiscard]] Slots const& get() const noexcept { return *slots; }
};
template <>
struct attached_slots<leaves_for<>> {
    [[nodiscard]] leaves_for<> get() const noexcept { return {}; }
};
// slots: end

/// The state of a lowering.
template <class Facts>
struct lowering {
    typename Facts::tape_type& to;
    int last_node = 0;
    std::size_t parameters = 0;
    // slots: begin
    [[no_unique_address]] attached_slots<typename Facts::slots> attached{};
    // slots: end
};

/// The same value, whose gradient is needed at least so much, and which is kept if `Keep`.
template <need AtLeast, bool Keep, class Facts, class Shape, need Gradient, bool Kept, bool IsInput>
auto raise(lowering<Facts>& into, value<Shape, Gradient, Kept, IsInput> of) {
    constexpr need raised = max(Gradient, AtLeast);
    value<Shape, raised, Kept || Keep, IsInput> result{of.cell, of.gradient};
    if constexpr (raised != need::never && Gradient == need::never)
        result.gradient = into.to.add_gradient(of.cell);
    // slots: begin
    if constexpr (AtLeast == need::always && Facts::run_time_hooks)
        into.to.pin(result.gradient);
    // slots: end
    return result;
}

template <class T>
inline constexpr bool is_keep_value = false;
template <std::size_t Index>
inline constexpr bool is_keep_value<keep_value<Index>> = true;
template <class T>
inline constexpr bool is_keep_gradient = false;
template <std::size_t Index>
inline constexpr bool is_keep_gradient<keep_gradient<Index>> = true;

template <class Facts, std::size_t Index, class Value>
void note_kept(lowering<Facts>& into, keep_value<Index>, Value kept) {
    into.to.kept_values[Index] = kept.cell;
}
template <class Facts, std::size_t Index, class Value>
void note_kept(lowering<Facts>& into, keep_gradient<Index>, Value kept) {
    into.to.kept_gradients[Index] = kept.gradient;
}
/// Whatever else waits at a node is no matter of the request.
template <class Facts, class Other, class Value>
void note_kept(lowering<Facts>&, Other, Value) {}

/// Keeps what the request wants of a node's output.
template <class Facts, class... Here, class Value>
auto keep(lowering<Facts>& into, list<Here...>, Value out) {
    constexpr bool wants_value = (false || ... || is_keep_value<Here>);
    constexpr bool wants_gradient = Facts::differentiates && (false || ... || is_keep_gradient<Here>);
    auto const kept = raise < wants_gradient ? need::always : need::never, wants_value > (into, out);
    (note_kept(into, Here{}, kept), ...);
    return kept;
}

} // namespace hookcam::detail
