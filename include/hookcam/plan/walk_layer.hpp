#pragma once

#include "../layers/fusion.hpp"
#include "../layers/layer.hpp"
#include "../tensor/device_view.hpp"
#include "share_planes.hpp"
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

/// A tensor of run-time rank, with the batch.
template <class Device, class T>
[[nodiscard]] auto any_view_of_cell(tape<T> const& t, cell<T> const& c) {
    if constexpr (a_gpu<Device>)
        return any_device_batch_view(device_at<Device>(t), static_cast<T const*>(c.data), t.batch, c.sizes);
    else
        return any_batch_view(static_cast<T const*>(c.data), t.batch, c.sizes);
}

/// True where a layer packs its parameters for the kernels of a device.
template <class Layer, class Device>
inline constexpr bool packs_on = has_packed<Layer> && !a_gpu<Device>;

/// Shows in its arguments the layer and the device.
template <class Layer, class Device, bool Runs>
struct layer_must_run_on_device {
    static_assert(
        Runs, "hookcam::to: every layer of the network must have kernels for the device; give the "
              "layer kernels and has_device_kernels, or the policy on_host, or leave the model on the cpu");
    static constexpr bool value = true;
};

/// True where a layer of a model on a device runs on the host.
template <class Layer, class Device>
inline constexpr bool goes_to_host = Layer::runs_on_host && !Layer::is_view && a_gpu<Device>;

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

/// True of a layer that maps every element by itself, and of none that is derived from it: it may do something else.
template <class Layer>
inline constexpr bool maps_elements = false;
template <class Layer>
    requires requires {
        typename Layer::by_elements;
    }
inline constexpr bool maps_elements<Layer> = std::is_same_v<typename Layer::by_elements, Layer>;

/// Calls `work(view)` for parts of a batch, of images of this size, on the plan's threads: `view(data)` is the part of
/// a cell's data.
template <std::size_t Rank, class T, class Work>
void for_images(tape<T> const& t, extents const& sizes, Work const& work) {
    std::size_t const images =
        std::max<std::size_t>(1, enough_to_share / std::max<std::size_t>(1, sizes.count()));
    std::size_t const part = t.workers < 2 ? std::max<std::size_t>(1, t.batch) : images;
    parallel_for((t.batch + part - 1) / part, t.workers, [&](std::size_t piece, std::size_t) {
        std::size_t const first = piece * part;
        auto const view = [&](auto* data) {
            return batch_view<Rank>(data + first * sizes.count(), std::min(part, t.batch - first), sizes);
        };
        work(view);
    });
}

template <class Layer, bool KeepsState, class Device = cpu, class T>
void plan_layer(tape<T>& t, step<T> const& s) {
    auto const in = t.value(s.input).sizes;
    auto const out = Layer::output_extents(in);
    t.size_value(s.output, out);
    if constexpr (has_device_scratch<Layer> && a_gpu<Device> && !goes_to_host<Layer, Device>)
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
    if constexpr (maps_elements<Layer> && !a_gpu<Device>) {
        auto const& layer = *static_cast<Layer const*>(s.object);
        for_images<InRank>(t, in.sizes, [&](auto const& view) {
            auto y = view(out.data);
            layer.forward(view(static_cast<T const*>(in.data)), y);
        });
    } else if constexpr (!Layer::is_view) {
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

/// True where a layer of a model on a device can do to its sums what the layers behind it do.
template <class Layer, class Device>
inline constexpr bool ends_sums_on =
    ends_with<Layer> != fusion::nothing&& a_gpu<Device> && !goes_to_host<Layer, Device>;

/// What a step does to its sums, in place of the layers behind it.
template <class T>
[[nodiscard]] kernels::sum_ending ending_of(tape<T>& t, step<T> const& s) {
    auto const& work = fused_of(t, s);
    kernels::sum_ending ending;
    ending.rectifier = {work.finish.rectifies, static_cast<float>(work.finish.largest)};
    if (work.norm != nullptr)
        ending.norm = work.norm(t.parameters + work.scale_parameters);
    return ending;
}

template <class Layer, std::size_t InRank, std::size_t OutRank, class Device, class T>
void forward_ended_layer(tape<T>& t, step<T> const& s) {
    auto y = view_to_fill<OutRank, Device>(t, t.value(s.output));
    static_cast<Layer const*>(s.object)->forward(own_of<Layer, Device, false>(t, s),
                                                 view_of_cell<InRank, Device>(t, t.value(s.input)), y,
                                                 ending_of(t, s));
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
    } else if constexpr (maps_elements<Layer> && !a_gpu<Device>) {
        auto const& layer = *static_cast<Layer const*>(s.object);
        T const* const read = t.value(Layer::backward_reads::template has<output> ? s.output : s.input).data;
        T const* const slopes = t.gradient(s.grad_output).data;
        for_images<InRank>(t, grad_in.sizes, [&](auto const& view) {
            auto grad_x = view(grad_in.data);
            layer.backward(view(read), view(slopes), grad_x);
        });
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

// --- a layer that runs on the host, in a model on a device ------------------------------------------------------

/// A tape of that layer alone, on copies.
template <class Layer, std::size_t InRank, std::size_t OutRank, bool KeepsState, class T>
class layer_on_host {
public:
    layer_on_host(tape<T>& there, step<T> const& s) : m_there{there}, m_step{s}, m_here_step{s} {
        m_here_step.input = m_here_step.grad_input = 0;
        m_here_step.output = m_here_step.grad_output = 1;
        m_here_step.parameters = 0;
        m_here_step.state = 0;
        m_here.batch = there.batch;
        m_here.workers = there.workers;
        m_here.values.resize(2);
        m_here.gradients.resize(2);
        m_here.value(0).sizes = m_here.gradient(0).sizes = there.value(s.input).sizes;
        m_here.value(1).expected = m_here.gradient(1).sizes = there.value(s.output).sizes;
        if constexpr (KeepsState)
            m_here.states.emplace_back();
        if constexpr (packs_on<Layer, cpu>) {
            m_here.fused.emplace_back();
            m_here_step.fused = 0;
        }
        plan_layer<Layer, KeepsState>(m_here, m_here_step);
        m_here.scratch = memory<std::byte>(m_here.scratch_bytes);
        if constexpr (KeepsState)
            m_here.states[0].of_batch = memory<std::byte>(there.batch * m_here.states[0].bytes);
        m_parameters = memory<T>(Layer::parameters::size);
        fetch(m_parameters, there.parameters + s.parameters);
        m_here.parameters = m_parameters.data();
    }

    void forward() {
        fetch_cell(m_x, m_here.value(0), m_there.value(m_step.input));
        make_cell(m_y, m_here.value(1));
        forward_layer<Layer, InRank, OutRank, cpu, false, KeepsState>(m_here, m_here_step);
        send(m_y, m_there.value(m_step.output).data);
        if constexpr (KeepsState)
            send(m_here.states[0].of_batch, m_there.states[m_step.state].of_batch.data());
    }

    void backward() {
        fetch_what_is_read();
        make_cell(m_grad_x, m_here.gradient(0));
        backward_layer<Layer, InRank, OutRank, cpu, false>(m_here, m_here_step);
        send(m_grad_x, m_there.gradient(m_step.grad_input).data);
    }

    void backward_parameters() {
        fetch_what_is_read();
        m_here.parameter_gradients = memory<T>(Layer::parameters::size);
        backward_layer_parameters<Layer, InRank, OutRank, cpu>(m_here, m_here_step);
        send(m_here.parameter_gradients, m_there.parameter_gradients.data() + m_step.parameters);
    }

private:
    tape<T>& m_there;
    step<T> const& m_step;
    tape<T> m_here;
    step<T> m_here_step;
    memory<T> m_parameters, m_x, m_y, m_grad_x, m_grad_y;

    template <class Element>
    void fetch(memory<Element>& to, Element const* from) const {
        if (to.size() != 0)
            m_there.where->copy_out(to.data(), from, to.size() * sizeof(Element));
    }
    template <class Element>
    void send(memory<Element> const& from, Element* to) const {
        if (from.size() != 0)
            m_there.where->copy_in(to, from.data(), from.size() * sizeof(Element));
    }
    void make_cell(memory<T>& of, cell<T>& to) const {
        of = memory<T>(m_here.batch * to.sizes.count());
        to.data = of.data();
    }
    void fetch_cell(memory<T>& of, cell<T>& to, cell<T> const& from) const {
        make_cell(of, to);
        fetch(of, static_cast<T const*>(from.data));
    }
    void fetch_what_is_read() {
        if (m_step.reads_input)
            fetch_cell(m_x, m_here.value(0), m_there.value(m_step.input));
        if (m_step.reads_output)
            fetch_cell(m_y, m_here.value(1), m_there.value(m_step.output));
        fetch_cell(m_grad_y, m_here.gradient(1), m_there.gradient(m_step.grad_output));
        if constexpr (KeepsState)
            fetch(m_here.states[0].of_batch,
                  static_cast<std::byte const*>(m_there.states[m_step.state].of_batch.data()));
    }
};

template <class Layer, std::size_t InRank, std::size_t OutRank, bool InPlace, bool KeepsState, class T>
void forward_on_host(tape<T>& t, step<T> const& s) {
    if constexpr (InPlace)
        t.value(s.output).data = t.value(s.input).data;
    layer_on_host<Layer, InRank, OutRank, KeepsState, T>{t, s}.forward();
}

template <class Layer, std::size_t InRank, std::size_t OutRank, class T>
void backward_on_host(tape<T>& t, step<T> const& s) {
    layer_on_host<Layer, InRank, OutRank, has_state<Layer>, T>{t, s}.backward();
}

template <class Layer, std::size_t InRank, std::size_t OutRank, class T>
void backward_parameters_on_host(tape<T>& t, step<T> const& s) {
    layer_on_host<Layer, InRank, OutRank, has_state<Layer>, T>{t, s}.backward_parameters();
}

// --- lowering ---------------------------------------------------------------------------------------------------

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
        if constexpr (goes_to_host<Layer, device>)
            s.run = &backward_parameters_on_host<Layer, InRank, OutRank, T>;
        else
            s.run = &backward_layer_parameters<Layer, InRank, OutRank, device, T>;
        into.to.backward.push_back(s);
    }
    if constexpr (Passes) {
        s.what = "backward";
        s.reads_input = SkipsZeros || Layer::backward_reads::template has<hookcam::input>;
        s.reads_output = Layer::backward_reads::template has<hookcam::output>;
        if constexpr (goes_to_host<Layer, device>)
            s.run = &backward_on_host<Layer, InRank, OutRank, T>;
        else
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
    if constexpr (a_gpu<device>) {
        constexpr bool runs = Layer::is_view || Layer::has_device_kernels || Layer::runs_on_host;
        static_assert(layer_must_run_on_device<Layer, device, runs>::value);
    }
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
    if constexpr (packs_on<Layer, device> || ends_sums_on<Layer, device>)
        s.fused = new_fused_work(into);

    s.leaves_device = goes_to_host<Layer, device>;
    s.what = "forward";
    if constexpr (ends_sums_on<Layer, device>)
        s.run = &forward_ended_layer<Layer, in_rank, out_rank, device, T>;
    else if constexpr (goes_to_host<Layer, device>)
        s.run = &forward_on_host<Layer, in_rank, out_rank, in_place, keeps_state, T>;
    else
        s.run = &forward_layer<Layer, in_rank, out_rank, device, in_place, keeps_state, T>;
    s.plan = &plan_layer<Layer, keeps_state, device, T>;
    to.forward.push_back(s);
    [[maybe_unused]] std::size_t const made_by = to.forward.size() - 1;

    lower_backward<Layer, in_rank, out_rank, learns, passes, skips_zeros>(into, s, in);
    if constexpr (ends_sums_on<Layer, device>) {
        constexpr auto reached =
            ends_with<Layer> == fusion::scale_and_shift ? stage::summed : stage::normalized;
        using ended = value<out_shape, result::gradient_need, result::is_kept, false, open_form<reached>>;
        return ended{out.cell, out.gradient, {made_by}};
    } else if constexpr (fuses_as<Layer> == fusion::rectifier ||
                         (Form::is_rectified && hands_zeros_on<Layer>))
        return as_rectified(out);
    else
        return out;
}

} // namespace hookcam::detail
