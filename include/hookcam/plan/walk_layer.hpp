#pragma once

#include "../layers/layer.hpp"
#include "../tensor/device_view.hpp"
#include "tape.hpp"
#include "value.hpp"

#include <algorithm>
#include <cstddef>
#include <type_traits>

namespace hookcam::detail {

// The steps of a layer. They are instantiated for the layer's type, the rank of its tensors and the scalar,
// never for its place in a network.

/// The device on which a tape runs.
template <class Device, class T>
[[nodiscard]] Device device_at(tape<T> const& t) noexcept {
    if constexpr (a_gpu<Device>)
        return Device{static_cast<typename Device::stream_type*>(t.where)};
    else
        return Device{};
}

template <std::size_t Rank, class Device = cpu, class T>
[[nodiscard]] auto view_of_cell(tape<T> const& t, cell<T> const& c) {
    if constexpr (a_gpu<Device>)
        return device_batch_view<Rank>(device_at<Device>(t), static_cast<T const*>(c.data), t.batch, c.sizes);
    else
        return batch_view<Rank>(static_cast<T const*>(c.data), t.batch, c.sizes);
}
template <std::size_t Rank, class Device = cpu, class T>
[[nodiscard]] auto view_to_fill(tape<T> const& t, cell<T> const& c) {
    if constexpr (a_gpu<Device>)
        return device_batch_view<Rank>(device_at<Device>(t), c.data, t.batch, c.sizes);
    else
        return batch_view<Rank>(c.data, t.batch, c.sizes);
}

/// A tensor of run-time rank, without a batch.
template <class Device, class T>
[[nodiscard]] auto any_view_on(tape<T> const& t, T const* data, extents const& sizes) {
    if constexpr (a_gpu<Device>)
        return any_device_view(device_at<Device>(t), data, sizes);
    else
        return any_view_of(data, sizes);
}

/// True where a layer packs its parameters for the kernels of a device.
template <class Layer, class Device>
inline constexpr bool packs_on = has_packed<Layer> && !a_gpu<Device>;

/// Shows in its arguments the layer and the device.
template <class Layer, class Device, bool Runs>
struct layer_must_run_on_device {
    static_assert(Runs, "hookcam::to: every layer of the network must have kernels for the device; leave the "
                        "model on the cpu, or give the layer kernels and has_device_kernels");
    static constexpr bool value = true;
};

/// What a layer's function gets as `own`.
template <class Layer, class Device, bool KeepsState, class T>
[[nodiscard]] belongings<Layer, T const, Device> own_of(tape<T>& t, step<T> const& s) {
    belongings<Layer, T const, Device> own{t.parameters + s.parameters, t.scratch.data(), nullptr};
    own.workers = t.workers;
    own.on = device_at<Device>(t);
    if constexpr (KeepsState)
        own.state = t.states[s.state].of_batch.data();
    return own;
}

/// What a step keeps, and does beside its own work.
template <class T>
[[nodiscard]] fused_work<T>& fused_of(tape<T>& t, step<T> const& s) {
    return t.fused[static_cast<std::size_t>(s.fused)];
}

template <class Layer, bool KeepsState, class Device = cpu, class T>
void plan_layer(tape<T>& t, step<T> const& s) {
    auto const in = t.value(s.input).sizes;
    auto const out = Layer::output_extents(in);
    t.size_value(s.output, out);
    if constexpr (has_device_scratch<Layer> && a_gpu<Device>)
        t.scratch_bytes = std::max(t.scratch_bytes, Layer::device_scratch_bytes(t.batch, in, out));
    else if constexpr (has_scratch<Layer> && !a_gpu<Device>)
        t.scratch_bytes = std::max(t.scratch_bytes, Layer::scratch_bytes(in, out));
    if constexpr (KeepsState)
        t.states[s.state].bytes = Layer::state_bytes(in, out);
    if constexpr (packs_on<Layer, Device>) {
        auto& packed = fused_of(t, s).packed;
        if (auto const size = Layer::packed_size(t.batch); packed.size() != size)
            packed = memory<T>(size);
        fused_of(t, s).is_packed = false;
    }
}

/// The layer's packed parameters; packs them where that is to be done.
template <class Layer, class Device, class T>
[[nodiscard]] T const* packed_of(tape<T>& t, step<T> const& s) {
    auto& fused = fused_of(t, s);
    if (fused.packed.size() == 0)
        return nullptr;
    if (!fused.is_packed) {
        Layer::pack(belongings<Layer, T const, Device>{t.parameters + s.parameters}, fused.packed.data());
        fused.is_packed = true;
    }
    return fused.packed.data();
}

template <class Layer, std::size_t InRank, std::size_t OutRank, class Device, bool InPlace, bool KeepsState,
          class T>
void forward_layer(tape<T>& t, step<T> const& s) {
    auto& in = t.value(s.input);
    auto& out = t.value(s.output);
    if constexpr (InPlace || Layer::is_view)
        out.data = in.data;
    if constexpr (!Layer::is_view) {
        auto const& layer = *static_cast<Layer const*>(s.object);
        auto const x = view_of_cell<InRank, Device>(t, in);
        auto y = view_to_fill<OutRank, Device>(t, out);
        if constexpr (packs_on<Layer, Device>) {
            auto own = own_of<Layer, Device, KeepsState>(t, s);
            own.packed = packed_of<Layer, Device>(t, s);
            layer.forward(own, x, y);
        } else if constexpr (takes_own<Layer>)
            layer.forward(own_of<Layer, Device, KeepsState>(t, s), x, y);
        else
            layer.forward(x, y);
    }
}

/// Calls `function([own,] [x,] [y,] grad_y, to)`, with x and y where they are read.
template <class Reads, class Layer, std::size_t InRank, std::size_t OutRank, class Device, class T,
          class Function, class To>
void call_backward(tape<T>& t, step<T> const& s, Function function, To& to) {
    auto const grad_y = view_of_cell<OutRank, Device>(t, t.gradient(s.grad_output));
    auto const with_y = [&](auto const&... before) {
        if constexpr (Reads::template has<output>)
            function(before..., view_of_cell<OutRank, Device>(t, t.value(s.output)), grad_y, to);
        else
            function(before..., grad_y, to);
    };
    auto const with_x = [&](auto const&... before) {
        if constexpr (Reads::template has<input>)
            with_y(before..., view_of_cell<InRank, Device>(t, t.value(s.input)));
        else
            with_y(before...);
    };
    if constexpr (takes_own<Layer>) {
        auto own = own_of<Layer, Device, has_state<Layer>>(t, s);
        if constexpr (packs_on<Layer, Device>)
            own.packed = packed_of<Layer, Device>(t, s);
        with_x(own);
    } else {
        with_x();
    }
}

template <class Layer, std::size_t InRank, std::size_t OutRank, class Device, bool SkipsZeros, class T>
void backward_layer(tape<T>& t, step<T> const& s) {
    auto& grad_in = t.gradient(s.grad_input);
    if constexpr (Layer::is_view) {
        grad_in.data = t.gradient(s.grad_output).data;
    } else {
        auto const& layer = *static_cast<Layer const*>(s.object);
        auto grad_x = view_to_fill<InRank, Device>(t, grad_in);
        if constexpr (SkipsZeros) {
            auto const function = [&layer](auto&&... with) {
                layer.backward_but_at_zeros(static_cast<decltype(with)>(with)...);
            };
            call_backward<reads<input>, Layer, InRank, OutRank, Device>(t, s, function, grad_x);
        } else {
            auto const function = [&layer](auto&&... with) {
                layer.backward(static_cast<decltype(with)>(with)...);
            };
            call_backward<typename Layer::backward_reads, Layer, InRank, OutRank, Device>(t, s, function,
                                                                                          grad_x);
        }
    }
}

template <class Layer, std::size_t InRank, std::size_t OutRank, class Device, class T>
void backward_layer_parameters(tape<T>& t, step<T> const& s) {
    auto const& layer = *static_cast<Layer const*>(s.object);
    belongings<Layer, T, Device> gradients{t.parameter_gradients.data() + s.parameters, t.scratch.data(),
                                           nullptr};
    gradients.workers = t.workers;
    gradients.on = device_at<Device>(t);
    auto const function = [&layer](auto&&... with) {
        layer.backward_parameters(static_cast<decltype(with)>(with)...);
    };
    call_backward<reads<input>, Layer, InRank, OutRank, Device>(t, s, function, gradients);
}

template <class Layer, class Shape>
struct layer_output {
    static constexpr extents value = Layer::output_extents(Shape::value);
};

template <class Facts>
int new_fused_work(lowering<Facts>& into) {
    into.to.fused.emplace_back();
    return static_cast<int>(into.to.fused.size()) - 1;
}

/// Appends the steps of a layer's backward: to its parameters, to its input. `s` says where the layer is.
template <class Layer, std::size_t InRank, std::size_t OutRank, bool Learns, bool Passes,
          bool SkipsZeros = false, class Facts, class Value>
void lower_backward(lowering<Facts>& into, step<typename Facts::value_type> s, Value in) {
    using T = typename Facts::value_type;
    using device = typename Facts::device;
    s.plan = nullptr;
    if constexpr (Learns) {
        s.what = "backward to parameters of";
        s.reads_input = true;
        s.reads_output = false;
        s.run = &backward_layer_parameters<Layer, InRank, OutRank, device, T>;
        into.to.backward.push_back(s);
    }
    if constexpr (Passes) {
        s.what = "backward";
        s.reads_input = SkipsZeros || Layer::backward_reads::template has<hookcam::input>;
        s.reads_output = Layer::backward_reads::template has<hookcam::output>;
        s.run = &backward_layer<Layer, InRank, OutRank, device, SkipsZeros, T>;
        s.grad_input = in.gradient;
        into.to.gradient(in.gradient).owns = !Layer::is_view;
        into.to.backward.push_back(s);
    }
}

/// Appends a layer's steps: its forward, and of its backward what somebody needs.
template <class Facts, class Layer, class Shape, need Gradient, bool Kept, bool IsInput, class Form>
auto lower_dense_layer(lowering<Facts>& into, Layer const& layer, int node,
                       value<Shape, Gradient, Kept, IsInput, Form> in) {
    using T = typename Facts::value_type;
    using device = typename Facts::device;
    using out_shape = shape_from<layer_output<Layer, Shape>>;
    if constexpr (a_gpu<device>)
        static_assert(layer_must_run_on_device < Layer, device,
                      Layer::is_view || Layer::has_device_kernels > ::value);
    constexpr std::size_t in_rank = Shape::rank;
    constexpr std::size_t out_rank = out_shape::rank;
    constexpr bool learns = Facts::parameter_gradients && Layer::parameters::any_learned;
    constexpr bool passes = Gradient != need::never; // a gradient goes through to the input
    constexpr bool skips_zeros = passes && Form::is_rectified && can_skip_zeros<Layer> && !a_gpu<device>;
    constexpr bool reads_input =
        learns || skips_zeros || (passes && Layer::backward_reads::template has<hookcam::input>);
    constexpr bool reads_output = passes && Layer::backward_reads::template has<hookcam::output>;
    constexpr bool in_place = Layer::in_place && !Layer::is_view && !Kept && !reads_input;
    constexpr bool keeps_state = has_state<Layer> && (passes || learns);
    using result =
        value<out_shape, learns ? need::always : Gradient,
              reads_output || (Layer::is_view && (Kept || reads_input)), Layer::is_view && IsInput>;

    auto& to = into.to;
    result out{to.add_value(out_shape::value, !in_place && !Layer::is_view), -1};
    if constexpr (learns || passes)
        out.gradient = to.add_gradient(out.cell);
    // slots: begin
    if constexpr (learns && Facts::run_time_hooks)
        to.pin(out.gradient);
    // slots: end

    step<T> s;
    s.object = &layer;
    s.type_name = &Layer::type_name;
    s.node = node;
    s.input = in.cell;
    s.output = out.cell;
    s.grad_output = out.gradient;
    s.parameters = into.parameters;
    if constexpr (keeps_state) {
        s.state = to.states.size();
        to.states.emplace_back();
    }
    into.parameters += Layer::parameters::size;
    if constexpr (packs_on<Layer, device>)
        s.fused = new_fused_work(into);

    s.what = "forward";
    s.run = &forward_layer<Layer, in_rank, out_rank, device, in_place, keeps_state, T>;
    s.plan = &plan_layer<Layer, keeps_state, device, T>;
    to.forward.push_back(s);

    lower_backward<Layer, in_rank, out_rank, learns, passes, skips_zeros>(into, s, in);
    if constexpr (fuses_as<Layer> == fusion::rectifier || (Form::is_rectified && hands_zeros_on<Layer>))
        return as_rectified(out);
    else
        return out;
}

} // namespace hookcam::detail
