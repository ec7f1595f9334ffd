#pragma once

#include "../core/lists.hpp"
#include "mode.hpp"
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

/// What a step that makes a blocked value has done before it stores it. Whatever comes later in this list it can
/// still do, as long as nobody else reads the value; behind a second term it does not pool.
enum class stage { summed, normalized, with_term, rectified, complete };

/// A value lies in a dense cell, N,C,H,W.
struct dense_form {
    static constexpr std::size_t block = 0;
    static constexpr auto reached = stage::complete;
    static constexpr bool has_dense = true;
    static constexpr bool is_rectified = false;
};
/// A value lies in a dense cell of a device, and the step that makes it can still do more before it stores it.
template <stage Reached>
struct open_form {
    static constexpr std::size_t block = 0;
    static constexpr auto reached = Reached;
    static constexpr bool has_dense = true;
    static constexpr bool is_rectified = false;

    std::size_t step; ///< the forward step that makes it
};
/// A value lies in a cell of blocked channels, and where `HasDense` in a dense one too.
template <std::size_t Block, stage Reached, bool HasDense>
struct blocked_form {
    static constexpr std::size_t block = Block;
    static constexpr auto reached = Reached;
    static constexpr bool has_dense = HasDense;
    static constexpr bool is_rectified = false;

    int cell;
    std::size_t step; ///< the forward step that makes it
};
/// The same of a value behind a ReLU, with nothing in between but what hands zeros on, and nobody who looks: where the
/// value is zero the ReLU drops its gradient, whatever it is.
template <class Form>
struct rectified_form : Form {
    static constexpr bool is_rectified = true;
};

/// A tensor while a network is being lowered: the index of its cell (of the dense one, if there are two), that of its
/// gradient (−1 where nobody needs it), and as types what decides which steps there will be. A kept value must not be
/// overwritten in place; an input of the network has a gradient only where the request asks for it.
template <class Shape, need Gradient, bool Kept, bool IsInput, class Form = dense_form>
struct value {
    using shape = Shape;
    static constexpr need gradient_need = Gradient;
    static constexpr bool is_kept = Kept;
    static constexpr bool is_input = IsInput;
    using form_type = Form;

    int cell;
    int gradient;
    [[no_unique_address]] Form form{};
};

// slots: begin
/// What a plan knows of its hooks at compile time.
template <class Slots, bool RunTimeHooks>
struct hook_facts {
    using slots = Slots;
    static constexpr bool run_time_hooks = RunTimeHooks;
};
// slots: end

/// The compile-time facts of a plan. They name neither its network nor its request: a layer is compiled once for all
/// plans that know the same.
template <
    // slots: begin
    class Hooks,
    // slots: end
    class T, class Device, class Mode, class Tape, bool Differentiates, bool ParameterGradients>
struct facts
    // slots: begin
    : Hooks
// slots: end
{
    using value_type = T;
    using device = Device;
    using mode = Mode;
    using tape_type = Tape;
    static constexpr bool differentiates = Differentiates;
    static constexpr bool parameter_gradients = ParameterGradients;
    // slots: begin
    /// Whether there are hooks of parameters' gradients: also around a part that has none.
    static constexpr bool parameter_hooks = ParameterGradients;
    // slots: end
};

template <class Model, class Request>
using facts_of = facts<
    // slots: begin
    hook_facts<typename Model::slots_type, Model::run_time_hooks>,
    // slots: end
    typename Model::value_type, typename Model::device_type, mode_of<Request>,
    typename mode_of<Request>::template tape<typename Model::tape_type>, Request::differentiates,
    Request::differentiates && Request::parameter_gradients>;

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

/// The same value, as one whose zeros need no gradient.
template <class Shape, need Gradient, bool Kept, bool IsInput, class Form>
auto as_rectified(value<Shape, Gradient, Kept, IsInput, Form> of) {
    if constexpr (Form::is_rectified)
        return of;
    else
        return value<Shape, Gradient, Kept, IsInput, rectified_form<Form>>{of.cell, of.gradient, {of.form}};
}

template <class Form>
Form without_rectified(rectified_form<Form> const& of) {
    return of;
}

/// The same value, whose gradient somebody sees, at zeros too.
template <class Shape, need Gradient, bool Kept, bool IsInput, class Form>
auto as_seen(value<Shape, Gradient, Kept, IsInput, Form> of) {
    if constexpr (Form::is_rectified) {
        auto const form = without_rectified(of.form);
        return value<Shape, Gradient, Kept, IsInput, std::remove_const_t<decltype(form)>>{of.cell,
                                                                                          of.gradient, form};
    } else {
        return of;
    }
}

/// `made`, rectified as `like` is: another form of the same value.
template <class Like, class Made>
auto rectified_like(Like, Made made) {
    if constexpr (Like::form_type::is_rectified)
        return as_rectified(made);
    else
        return made;
}

/// The same value, whose gradient is needed at least so much, and which is kept if `Keep`.
template <need AtLeast, bool Keep, class Facts, class Shape, need Gradient, bool Kept, bool IsInput,
          class Form>
auto raise(lowering<Facts>& into, value<Shape, Gradient, Kept, IsInput, Form> of) {
    constexpr need raised = max(Gradient, AtLeast);
    value<Shape, raised, Kept || Keep, IsInput, Form> result{of.cell, of.gradient, of.form};
    if constexpr (raised != need::never && Gradient == need::never)
        result.gradient = into.to.add_gradient(of.cell);
    // slots: begin
    if constexpr (AtLeast == need::always && Facts::run_time_hooks)
        into.to.pin(result.gradient);
    // slots: end
    return result;
}

} // namespace hookcam::detail
