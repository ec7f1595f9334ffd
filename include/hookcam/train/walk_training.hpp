#pragma once

#include "../layers/layer.hpp"
#include "../plan/forms.hpp"
#include "../plan/tape.hpp"
#include "../plan/value.hpp"
#include "../plan/walk_layer.hpp"
#include "training_tape.hpp"

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace hookcam::detail {

// The steps of layers that in training are others. Three kinds: those that are called as any layer, those that draw random
// numbers, and those that measure their batch.

template <class Layer>
concept draws_random = requires {
    requires Layer::draws;
};
template <class Layer>
concept measures_batch = requires {
    Layer::batch_state;
};

// --- layers that draw -----------------------------------------------------------------------------------------

template <class Layer, std::size_t Rank, bool InPlace, class Device, class Tape, class T>
void forward_drawing(tape<T>& of, step<T> const& s) {
    auto& t = static_cast<Tape&>(of);
    auto& in = t.value(s.input);
    auto& out = t.value(s.output);
    if constexpr (InPlace)
        out.data = in.data;
    auto y = view_to_fill<Rank, Device>(t, out);
    static_cast<Layer const*>(s.object)->forward(t.random_of(s.state), view_of_cell<Rank, Device>(t, in), y);
}

template <class Layer, std::size_t Rank, class Device, class Tape, class T>
void backward_drawing(tape<T>& of, step<T> const& s) {
    auto& t = static_cast<Tape&>(of);
    auto grad_x = view_to_fill<Rank, Device>(t, t.gradient(s.grad_input));
    static_cast<Layer const*>(s.object)->backward(
        t.random_of(s.state), view_of_cell<Rank, Device>(t, t.gradient(s.grad_output)), grad_x);
}

// --- layers that measure --------------------------------------------------------------------------------------

template <class Layer, class Device, class T>
void plan_measuring(tape<T>& t, step<T> const& s) {
    Layer::check_batch(t.batch, t.value(s.input).sizes);
    plan_layer<Layer, false, Device>(t, s);
}

template <class Layer, class Device, class T>
[[nodiscard]] belongings<Layer, T const, Device> own_of_measuring(tape<T>& t, step<T> const& s,
                                                                  measuring_layer<T>& measuring) {
    belongings<Layer, T const, Device> own{t.parameters + s.parameters, t.scratch.data(),
                                           measuring.state.data()};
    own.workers = t.workers;
    own.on = device_at<Device>(t);
    return own;
}

template <class Layer, std::size_t Rank, class Device, class Tape, class T>
void forward_measuring(tape<T>& of, step<T> const& s) {
    auto& t = static_cast<Tape&>(of);
    auto& measuring = t.measuring[s.state];
    belongings<Layer, T, Device> const measured{measuring.measured.data(), nullptr, nullptr};
    auto y = view_to_fill<Rank, Device>(t, t.value(s.output));
    static_cast<Layer const*>(s.object)->forward(own_of_measuring<Layer, Device>(t, s, measuring), measured,
                                                 view_of_cell<Rank, Device>(t, t.value(s.input)), y);
}

template <class Layer, std::size_t Rank, class Device, class Tape, class T>
void backward_measuring(tape<T>& of, step<T> const& s) {
    auto& t = static_cast<Tape&>(of);
    auto grad_x = view_to_fill<Rank, Device>(t, t.gradient(s.grad_input));
    static_cast<Layer const*>(s.object)->backward(own_of_measuring<Layer, Device>(t, s, t.measuring[s.state]),
                                                  view_of_cell<Rank, Device>(t, t.value(s.input)),
                                                  view_of_cell<Rank, Device>(t, t.gradient(s.grad_output)),
                                                  grad_x);
}

template <class Layer, std::size_t Rank, class Device, class Tape, class T>
void backward_measuring_parameters(tape<T>& of, step<T> const& s) {
    auto& t = static_cast<Tape&>(of);
    belongings<Layer, T, Device> const gradients{t.parameter_gradients.data() + s.parameters, nullptr,
                                                 nullptr};
    static_cast<Layer const*>(s.object)->backward_parameters(
        own_of_measuring<Layer, Device>(t, s, t.measuring[s.state]),
        view_of_cell<Rank, Device>(t, t.value(s.input)),
        view_of_cell<Rank, Device>(t, t.gradient(s.grad_output)), gradients);
}

// --- lowering -------------------------------------------------------------------------------------------------

/// Appends the steps of a layer that draws: shape in, shape out.
template <class Facts, class Layer, class Shape, need Gradient, bool Kept, bool IsInput>
auto lower_drawing(lowering<Facts>& into, Layer const& layer, int node,
                   value<Shape, Gradient, Kept, IsInput> in) {
    using T = typename Facts::value_type;
    using device = typename Facts::device;
    using tape_type = typename Facts::tape_type;
    static_assert(Layer::parameters::count == 0 && !has_scratch<Layer> && !has_state<Layer>);
    constexpr bool in_place = Layer::in_place && !Kept;
    auto& to = into.to;
    value<Shape, Gradient, false, false> out{to.add_value(Shape::value, !in_place), -1};
    step<T> s;
    s.object = &layer;
    s.type_name = &Layer::type_name;
    s.node = node;
    s.input = in.cell;
    s.output = out.cell;
    s.state = to.random_layers++;
    s.what = "forward";
    s.run = &forward_drawing<Layer, Shape::rank, in_place, device, tape_type, T>;
    s.plan = &plan_layer<Layer, false, device, T>;
    to.forward.push_back(s);
    if constexpr (Gradient != need::never) {
        out.gradient = to.add_gradient(out.cell);
        s.grad_output = out.gradient;
        s.grad_input = in.gradient;
        s.what = "backward";
        s.run = &backward_drawing<Layer, Shape::rank, device, tape_type, T>;
        s.plan = nullptr;
        to.gradient(in.gradient).owns = true;
        to.backward.push_back(s);
    }
    return out;
}

/// Appends the steps of a layer that measures: shape in, shape out. The gradients of its parameters come first in
/// backward.
template <class Facts, class Layer, class Shape, need Gradient, bool Kept, bool IsInput>
auto lower_measuring(lowering<Facts>& into, Layer const& layer, int node,
                     value<Shape, Gradient, Kept, IsInput> in) {
    using T = typename Facts::value_type;
    using device = typename Facts::device;
    using tape_type = typename Facts::tape_type;
    using out_shape = shape_from<layer_output<Layer, Shape>>;
    constexpr bool learns = Facts::parameter_gradients && Layer::parameters::any_learned;
    constexpr bool passes = Gradient != need::never;
    auto& to = into.to;
    value<out_shape, learns ? need::always : Gradient, false, false> out{to.add_value(out_shape::value, true),
                                                                         -1};
    if constexpr (learns || passes)
        out.gradient = to.add_gradient(out.cell);
    if constexpr (learns && Facts::run_time_hooks)
        to.pin(out.gradient);

    step<T> s;
    s.object = &layer;
    s.type_name = &Layer::type_name;
    s.node = node;
    s.input = in.cell;
    s.output = out.cell;
    s.grad_output = out.gradient;
    s.parameters = into.parameters;
    s.state = to.measuring.size();
    constexpr std::size_t size = Layer::parameters::size;
    to.measuring.push_back({into.parameters, Layer::update_share, memory<T>(size, to.where),
                            memory<T>(size, to.where), memory<T>(Layer::batch_state, to.where)});
    into.parameters += size;
    s.what = "forward";
    s.run = &forward_measuring<Layer, Shape::rank, device, tape_type, T>;
    s.plan = &plan_measuring<Layer, device, T>;
    to.forward.push_back(s);

    s.plan = nullptr;
    s.reads_input = true;
    if constexpr (passes) {
        s.what = "backward";
        s.run = &backward_measuring<Layer, Shape::rank, device, tape_type, T>;
        s.grad_input = in.gradient;
        to.gradient(in.gradient).owns = true;
        to.backward.push_back(s);
    }
    if constexpr (learns) {
        s.what = "backward to parameters of";
        s.run = &backward_measuring_parameters<Layer, Shape::rank, device, tape_type, T>;
        s.grad_input = -1;
        to.backward.push_back(s);
    }
    return out;
}

} // namespace hookcam::detail
