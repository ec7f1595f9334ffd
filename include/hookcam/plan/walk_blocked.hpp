#pragma once

#include "../compose/joins_cpu.hpp"
#include "../compose/output_shape.hpp"
#include "../layers/blocked_backward.hpp"
#include "../layers/blocked_kernel.hpp"
#include "../layers/blocked_pointwise_cpu.hpp"
#include "../layers/fusion.hpp"
#include "../layers/max_pool2d/max_pool2d_blocked_cpu.hpp"
#include "forms.hpp"
#include "share_planes.hpp"
#include "tape.hpp"
#include "value.hpp"
#include "walk_layer.hpp"

#include <algorithm>
#include <cstddef>
#include <type_traits>

namespace hookcam::detail {

// Layers over blocked images. A layer that can be done to each sum before it is stored is not a step of its own: it is
// added to the work of the step in front, where nobody reads the value in between.

/// Where a step's packed parameters end and the scales and shifts of a fused batch norm begin.
template <class T>
[[nodiscard]] std::size_t scales_begin(fused_work<T> const& work, std::size_t channels) {
    return work.packed.size() - (work.scale_and_shift == nullptr ? 0 : 2 * channels);
}

template <class Layer, class T>
[[nodiscard]] auto blocked_work(tape<T>& t, step<T> const& s, fused_work<T> const& fused) {
    auto const& out = t.value(s.output);
    auto finish = fused.finish;
    if (fused.scale_and_shift != nullptr && fused.packed.size() != 0) {
        std::size_t const channels = out.layout().blocks() * out.block;
        finish.scale = fused.packed.data() + scales_begin(fused, channels);
        finish.shift = finish.scale + channels;
    }
    if (fused.term >= 0) {
        finish.term = t.value(fused.term).data;
        finish.term_layout = t.value(fused.term).layout();
    }
    auto const& in = t.value(s.input);
    auto work = blocked_kernel<Layer>::work_for(t.batch, in.layout(), Layer::output_extents(in.sizes),
                                                out.layout(), finish);
    work.workers = t.workers;
    return work;
}

template <class Layer, bool HasBackward, class T>
void plan_blocked(tape<T>& t, step<T> const& s) {
    auto& fused = fused_of(t, s);
    auto const sums = Layer::output_extents(t.value(s.input).sizes);
    if (fused.term >= 0)
        static_cast<void>(size_scope<void>::sum(t.value(fused.term).sizes, sums)); // throws where they differ
    t.size_value(s.output, fused.pooled == nullptr ? sums : fused.pooled(sums));
    auto const work = blocked_work<Layer>(t, s, fused);
    using kernel = blocked_kernel<Layer>;
    t.scratch_bytes = std::max(t.scratch_bytes, t.workers * kernel::scratch(work) * sizeof(T));
    if constexpr (HasBackward && blocked_backward<Layer>::exists)
        t.scratch_bytes = std::max(t.scratch_bytes, sizeof(T) * blocked_backward<Layer>::template scratch<T>(
                                                                    t.workers, t.value(s.input).sizes, sums));
    else if constexpr (HasBackward && has_scratch<Layer>)
        t.scratch_bytes = std::max(t.scratch_bytes, Layer::scratch_bytes(t.value(s.input).sizes, sums));
    std::size_t const scales = fused.scale_and_shift == nullptr ? 0 : 2 * work.out.blocks() * work.out.block;
    if (fused.packed.size() == 0)
        fused.packed = memory<T>(kernel::packed_size(work) + scales);
}

template <class Layer, class Device, class T>
void pack_blocked(tape<T>& t, step<T> const& s, fused_work<T>& fused) {
    auto const work = blocked_work<Layer>(t, s, fused);
    belongings<Layer, T const, Device> const own{t.parameters + s.parameters, nullptr, nullptr};
    blocked_kernel<Layer>::pack(work, own, fused.packed.data());
    if (fused.scale_and_shift != nullptr) {
        std::size_t const channels = work.out.blocks() * work.out.block;
        T* const scale = fused.packed.data() + scales_begin(fused, channels);
        fused.scale_and_shift(t.parameters + fused.scale_parameters, scale, scale + channels);
    }
    fused.is_packed = true;
}

template <class Layer, std::size_t InBlock, class Variant, class Device, class T>
void forward_blocked(tape<T>& t, step<T> const& s) {
    auto& fused = fused_of(t, s);
    if (!fused.is_packed)
        pack_blocked<Layer, Device>(t, s, fused);
    clear_border(t.value(s.output).layout(), t.batch, t.value(s.output).data);
    blocked_kernel<Layer>::template run<InBlock, Variant>(
        Device{}, blocked_work<Layer>(t, s, fused), static_cast<T const*>(t.value(s.input).data),
        static_cast<T const*>(fused.packed.data()), t.value(s.output).data,
        static_cast<T*>(static_cast<void*>(t.scratch.data())));
}

/// The value in blocks that a kernel takes.
template <class Kernel, class T, class Facts, class Shape, need Gradient, bool Kept, bool IsInput, class Form>
auto with_block_for(lowering<Facts>& into, value<Shape, Gradient, Kept, IsInput, Form> of) {
    if constexpr (Form::block != 0 && Kernel::template takes_block<T, Form::block>)
        return of;
    else
        return with_blocks_of<Kernel::template in_block<T>>(into, of);
}

template <class Layer, class Device, class T>
void backward_blocked(tape<T>& t, step<T> const& s) {
    using kernel = blocked_backward<Layer>;
    auto& packed = fused_of(t, s);
    if (!packed.is_packed) {
        kernel::pack(belongings<Layer, T const, Device>{t.parameters + s.parameters}, packed.packed.data());
        packed.is_packed = true;
    }
    auto const& grad_y = t.gradient(s.grad_output);
    auto const& grad_x = t.gradient(s.grad_input);
    kernel::to_input(Device{}, t.batch, t.workers, grad_y.layout(), static_cast<T const*>(grad_y.data),
                     static_cast<T const*>(packed.packed.data()), grad_x.layout(), grad_x.data,
                     static_cast<T*>(static_cast<void*>(t.scratch.data())));
}

template <class Layer, std::size_t InBlock, class Device, class T>
void backward_blocked_parameters(tape<T>& t, step<T> const& s) {
    auto const& x = t.value(s.input);
    auto const& grad_y = t.gradient(s.grad_output);
    belongings<Layer, T, Device> const gradients{t.parameter_gradients.data() + s.parameters};
    blocked_backward<Layer>::template to_parameters<InBlock>(
        Device{}, {t.batch, t.first_image == 0, t.is_last_part}, t.workers, x.layout(),
        static_cast<T const*>(x.data), grad_y.layout(), static_cast<T const*>(grad_y.data), gradients,
        fused_of(t, s).sums.data(), static_cast<T*>(static_cast<void*>(t.scratch.data())));
}

/// Appends the steps of a layer's blocked backward: to its parameters, to its input.
template <class Layer, bool Learns, bool Passes, class Facts, class Value>
void lower_blocked_backward(lowering<Facts>& into, step<typename Facts::value_type> s, Value in) {
    using T = typename Facts::value_type;
    using device = typename Facts::device;
    s.plan = nullptr;
    if constexpr (Learns) {
        s.what = "backward to parameters of";
        s.reads_input = true;
        s.run = &backward_blocked_parameters<Layer, Value::form_type::block, device, T>;
        s.fused = new_fused_work(into);
        fused_of(into.to, s).sums = memory<T>(blocked_backward<Layer>::template sums_size<T>());
        into.to.backward.push_back(s);
    }
    if constexpr (Passes) {
        s.what = "backward";
        s.reads_input = false;
        s.run = &backward_blocked<Layer, device, T>;
        s.fused = new_fused_work(into);
        fused_of(into.to, s).packed = memory<T>(blocked_backward<Layer>::template packed_size<T>());
        s.grad_input = in.gradient;
        if constexpr (!blocked_backward<Layer>::template takes_blocked<T>)
            s.grad_input = gradient_to_write<true>(into, in.gradient);
        into.to.gradient(s.grad_input).owns = true;
        into.to.backward.push_back(s);
    }
}

/// Appends the steps of a layer whose forward runs over blocked images, and whose backward does so where it can.
template <class Facts, class Layer, class Shape, need Gradient, bool Kept, bool IsInput, class Form>
auto lower_blocked_layer(lowering<Facts>& into, Layer const& layer, int node,
                         value<Shape, Gradient, Kept, IsInput, Form> given) {
    using T = typename Facts::value_type;
    using device = typename Facts::device;
    using kernel = blocked_kernel<Layer>;
    using out_shape = shape_from<layer_output<Layer, Shape>>;
    constexpr bool learns = Facts::parameter_gradients && Layer::parameters::any_learned;
    constexpr bool passes = Gradient != need::never;
    static_assert(!Layer::backward_reads::template has<hookcam::input> &&
                  !Layer::backward_reads::template has<hookcam::output> && !has_state<Layer>);

    auto& to = into.to;
    auto const in = [&] {
        auto const blocked = with_block_for<kernel, T>(into, given);
        if constexpr (learns && !blocked_backward<Layer>::exists)
            return with_dense(into, blocked);
        else
            return blocked;
    }();
    auto& border = to.value(in.form.cell).border;
    border = std::max(border, kernel::border);

    int const cell = add_blocked<width<T>, out_shape>(into);
    constexpr auto reached = kernel::template can_fuse<T> ? stage::summed : stage::complete;
    using form = blocked_form<width<T>, reached, false>;
    value<out_shape, learns ? need::always : Gradient, false, false, form> out{
        cell, -1, {cell, to.forward.size()}};
    if constexpr (learns || passes)
        out.gradient =
            blocked_backward<Layer>::exists ? add_blocked_gradient(into, cell) : to.add_gradient(cell);
    // slots: begin
    if constexpr (learns && Facts::run_time_hooks)
        to.pin(out.gradient);
    // slots: end

    step<T> s;
    s.object = &layer;
    s.type_name = &Layer::type_name;
    s.node = node;
    s.input = in.form.cell;
    s.output = cell;
    s.grad_output = out.gradient;
    s.parameters = into.parameters;
    s.fused = new_fused_work(into);
    into.parameters += Layer::parameters::size;

    s.what = "forward";
    s.run = &forward_blocked<Layer, decltype(in.form)::block, typename kernel::template variant<out_shape>,
                             device, T>;
    s.plan = &plan_blocked < Layer, learns || passes, T > ;
    s.is_by_image = true;
    to.forward.push_back(s);
    if constexpr (blocked_backward<Layer>::exists) {
        lower_blocked_backward<Layer, learns, passes>(into, s, in);
    } else {
        s.input = in.cell;
        s.is_by_image = false;
        auto dense_gradient = in;
        dense_gradient.gradient = gradient_to_write<true>(into, in.gradient);
        lower_backward<Layer, Shape::rank, out_shape::rank, learns, passes>(into, s, dense_gradient);
    }
    return out;
}

// --- layers that become part of the step in front -----------------------------------------------------------

/// The stage that a step reaches when it does this too. Behind a second term it does not pool.
template <fusion What, stage Reached>
inline constexpr auto stage_behind = What == fusion::scale_and_shift                 ? stage::normalized
                                     : rectifies(What) && Reached < stage::with_term ? stage::rectified
                                                                                     : stage::complete;

/// True where a step can still do this before it stores its results.
template <fusion What, class Value>
constexpr bool is_open_for() {
    constexpr auto reached = Value::form_type::reached;
    if constexpr (Value::is_kept || What <= fusion::identity)
        return false;
    else if constexpr (What == fusion::scale_and_shift)
        return reached < stage::normalized;
    else if constexpr (rectifies(What))
        return reached < stage::rectified;
    else
        return Value::form_type::block != 0 && reached < stage::complete && reached != stage::with_term;
}

/// True where a layer can be added to the work of the step that makes its input.
template <class Facts, class Layer, class Value>
constexpr bool can_fuse() {
    constexpr bool learns = Facts::parameter_gradients && Layer::parameters::any_learned;
    constexpr bool passes = Value::gradient_need != need::never;
    return is_open_for<fuses_as<Layer>, Value>() && !learns && !goes_to_host<Layer, typename Facts::device> &&
           !(fuses_as<Layer> == fusion::max_pooling && passes);
}

inline namespace HOOKCAM_INSTRUCTION_SET {

/// Of a batch norm: each channel's scale and shift.
template <class Layer, class Device, class T>
void write_scale_and_shift(T const* parameters, T* scale, T* shift) {
    belongings<Layer, T const, Device> const own{parameters, nullptr, nullptr};
    for (std::size_t channel = 0; channel < Layer::channels; ++channel) {
        auto const made = Layer::scale_and_shift(own, channel);
        scale[channel] = made.scale;
        shift[channel] = made.shift;
    }
}

} // namespace HOOKCAM_INSTRUCTION_SET

template <class Device, class T>
void backward_blocked_relu(tape<T>& t, step<T> const& s) {
    auto const& y = t.value(s.output);
    auto const& grad_y = t.gradient(s.grad_output);
    auto const& grad_x = t.gradient(s.grad_input);
    for_planes(t, y, [&](some_planes const& planes) {
        kernels::blocked_relu_backward(Device{}, planes.layout(y), planes.layout(grad_y), planes.images,
                                       planes.read(y), planes.read(grad_y), planes.data(grad_x));
    });
}

template <class Layer, class Device, class T>
void backward_blocked_clamp(tape<T>& t, step<T> const& s) {
    auto const& y = t.value(s.output);
    auto const& grad_y = t.gradient(s.grad_output);
    auto const& grad_x = t.gradient(s.grad_input);
    for_planes(t, y, [&](some_planes const& planes) {
        kernels::blocked_clamp_backward(Device{}, T{Layer::function.largest}, planes.layout(y),
                                        planes.layout(grad_y), planes.images, planes.read(y),
                                        planes.read(grad_y), planes.data(grad_x));
    });
}

/// Of a batch norm, whose scales the step in front keeps.
template <class Device, class T>
void backward_blocked_scale(tape<T>& t, step<T> const& s) {
    auto const& grad_y = t.gradient(s.grad_output);
    auto const& work = fused_of(t, s);
    std::size_t const channels = grad_y.layout().blocks() * grad_y.block;
    auto const& grad_x = t.gradient(s.grad_input);
    T const* const scale = work.packed.data() + scales_begin(work, channels);
    for_planes(t, grad_y, [&](some_planes const& planes) {
        kernels::blocked_scale_backward(Device{}, planes.layout(grad_y), planes.images,
                                        scale + planes.block * grad_y.block, planes.read(grad_y),
                                        planes.data(grad_x));
    });
}

/// Adds a layer to the work of the step in front.
template <class Facts, class Layer, class Shape, need Gradient, bool Kept, bool IsInput, class Form>
auto lower_fused_layer(lowering<Facts>& into, Layer const& layer, int node,
                       value<Shape, Gradient, Kept, IsInput, Form> in) {
    using T = typename Facts::value_type;
    using device = typename Facts::device;
    using out_shape = shape_from<layer_output<Layer, Shape>>;
    constexpr bool passes = Gradient != need::never;
    constexpr bool reads_output = passes && Layer::backward_reads::template has<hookcam::output>;
    static_assert(!Layer::backward_reads::template has<hookcam::input>);

    auto& to = into.to;
    auto& front = to.forward[in.form.step];
    auto& work = fused_of(to, front);
    work.names.push_back(&Layer::type_name);
    if constexpr (fuses_as<Layer> == fusion::scale_and_shift) {
        work.scale_and_shift = &write_scale_and_shift<Layer, device, T>;
        work.scale_parameters = into.parameters;
    } else if constexpr (rectifies(fuses_as<Layer>)) {
        work.finish.rectifies = true;
        if constexpr (fuses_as<Layer> == fusion::clamp)
            work.finish.largest = Layer::function.largest;
    } else {
        work.finish.pools = true;
        work.finish.pool_rows = Layer::windows::rows;
        work.finish.pool_columns = Layer::windows::columns;
        work.pooled = &Layer::output_extents;
        to.value(in.form.cell).expected = out_shape::value;
    }

    using form = blocked_form<Form::block, stage_behind<fuses_as<Layer>, Form::reached>, false>;
    value<out_shape, Gradient, reads_output, false, form> out{in.form.cell, -1, {in.form.cell, in.form.step}};
    if constexpr (passes) {
        out.gradient = add_blocked_gradient(into, out.cell);
        step<T> s;
        s.what = "backward";
        s.object = &layer;
        s.type_name = &Layer::type_name;
        s.node = node;
        s.is_by_image = true;
        s.output = out.cell;
        s.grad_output = out.gradient;
        s.grad_input = gradient_to_write<false>(into, in.gradient);
        to.gradient(s.grad_input).owns = true;
        if constexpr (fuses_as<Layer> == fusion::scale_and_shift) {
            s.run = &backward_blocked_scale<device, T>;
            s.fused = front.fused;
        } else {
            s.reads_output = true;
            if constexpr (fuses_as<Layer> == fusion::clamp)
                s.run = &backward_blocked_clamp<Layer, device, T>;
            else
                s.run = &backward_blocked_relu<device, T>;
        }
        to.backward.push_back(s);
    }
    into.parameters += Layer::parameters::size;
    if constexpr (fuses_as<Layer> == fusion::rectifier)
        return as_rectified(out);
    else
        return out;
}

// --- the same on a device, where values are dense ------------------------------------------------------------

/// Of a batch norm: what a kernel must know of its channels.
template <class Layer, class Device, class T>
kernels::channel_norm norm_for_kernel(T const* parameters) {
    return Layer::channel_norm(belongings<Layer, T const, Device>{parameters, nullptr, nullptr});
}

/// Adds a layer to the work of the step in front. Its backward is a step of its own, as ever.
template <class Facts, class Layer, class Shape, need Gradient, bool Kept, bool IsInput, class Form>
auto lower_ending_layer(lowering<Facts>& into, Layer const& layer, int node,
                        value<Shape, Gradient, Kept, IsInput, Form> in) {
    using T = typename Facts::value_type;
    constexpr bool passes = Gradient != need::never;
    constexpr bool reads_output = passes && Layer::backward_reads::template has<hookcam::output>;
    static_assert(!Layer::backward_reads::template has<hookcam::input> && !has_state<Layer>);

    auto& to = into.to;
    auto& work = fused_of(to, to.forward[in.form.step]);
    work.names.push_back(&Layer::type_name);
    if constexpr (fuses_as<Layer> == fusion::scale_and_shift) {
        work.norm = &norm_for_kernel<Layer, typename Facts::device, T>;
        work.scale_parameters = into.parameters;
    } else {
        work.finish.rectifies = true;
        if constexpr (fuses_as<Layer> == fusion::clamp)
            work.finish.largest = Layer::function.largest;
    }
    using form = open_form<stage_behind<fuses_as<Layer>, Form::reached>>;
    value<Shape, Gradient, reads_output, false, form> out{in.cell, -1, {in.form.step}};
    if constexpr (passes) {
        out.gradient = to.add_gradient(out.cell);
        step<T> s;
        s.object = &layer;
        s.type_name = &Layer::type_name;
        s.node = node;
        s.input = in.cell;
        s.output = out.cell;
        s.grad_output = out.gradient;
        s.parameters = into.parameters;
        lower_backward<Layer, Shape::rank, Shape::rank, false, true>(into, s, in);
    }
    into.parameters += Layer::parameters::size;
    return out;
}

// --- the same layers by themselves ---------------------------------------------------------------------------

template <class Layer, bool KeepsState, class T>
void plan_blocked_by_itself(tape<T>& t, step<T> const& s) {
    auto const out = Layer::output_extents(t.value(s.input).sizes);
    t.size_value(s.output, out);
    if constexpr (KeepsState)
        t.states[s.state].bytes = blocked_layout{out[0], out[1], out[2], width<T>, 0}.image() * sizeof(T);
}

template <class Device, class T>
void forward_blocked_relu(tape<T>& t, step<T> const& s) {
    auto const& in = t.value(s.input);
    auto const& out = t.value(s.output);
    for_planes(t, out, [&](some_planes const& planes) {
        clear_border(planes.layout(out), planes.images, planes.data(out));
        kernels::blocked_relu(Device{}, planes.layout(in), planes.layout(out), planes.images, planes.read(in),
                              planes.data(out));
    });
}

/// Which element of each window was chosen, as numbers of T, in some planes of outputs of a size.
template <class T>
[[nodiscard]] T* chosen_of(tape<T>& t, step<T> const& s, some_planes const& planes, cell<T> const& y) {
    auto& state = t.states[s.state];
    auto layout = y.layout();
    layout.border = layout.blocks_apart = 0;
    return planes.in(
        layout, static_cast<T*>(static_cast<void*>(state.of_batch.data() + t.first_image * state.bytes)));
}

template <class Layer, class Device, class T>
void forward_blocked_pool(tape<T>& t, step<T> const& s) {
    auto const& in = t.value(s.input);
    auto const& out = t.value(s.output);
    using windows = typename Layer::windows;
    for_planes(t, in, [&](some_planes const& planes) {
        clear_border(planes.layout(out), planes.images, planes.data(out));
        kernels::blocked_max_pool2d(
            Device{}, {planes.layout(in), planes.layout(out), windows::rows, windows::columns}, planes.images,
            planes.read(in), planes.data(out), chosen_of(t, s, planes, out));
    });
}

template <class Layer, class Device, class T>
void backward_blocked_pool(tape<T>& t, step<T> const& s) {
    auto const& grad_x = t.gradient(s.grad_input);
    auto const& grad_y = t.gradient(s.grad_output);
    using windows = typename Layer::windows;
    for_planes(t, grad_x, [&](some_planes const& planes) {
        T const* const chosen = chosen_of(t, s, planes, grad_y);
        kernels::blocked_max_pool2d_backward(
            Device{}, {planes.layout(grad_x), planes.layout(grad_y), windows::rows, windows::columns},
            planes.images, chosen, planes.read(grad_y), planes.data(grad_x));
    });
}

/// Of a pooling and the ReLU in front of it, which reads what the pooling chose of its outputs, and so not all of them.
template <class Layer, class Device, class T>
void backward_blocked_rectified_pool(tape<T>& t, step<T> const& s) {
    auto const& y = t.value(s.output);
    auto const& grad_x = t.gradient(s.grad_input);
    auto const& grad_y = t.gradient(s.grad_output);
    using windows = typename Layer::windows;
    for_planes(t, grad_x, [&](some_planes const& planes) {
        T const* const chosen = chosen_of(t, s, planes, grad_y);
        kernels::blocked_rectified_max_pool2d_backward(
            Device{}, {planes.layout(grad_x), planes.layout(grad_y), windows::rows, windows::columns},
            planes.images, chosen, planes.layout(y), planes.read(y), planes.read(grad_y),
            planes.data(grad_x));
    });
}

/// Whether a pooling may send its gradient through the ReLU in front, too: nobody will ask for what lies between.
template <class Facts>
constexpr bool pools_with_relu() {
    // slots: begin
    if (Facts::run_time_hooks)
        return false;
    // slots: end
    return true;
}

/// Appends the steps of a ReLU or a max-pooling of a value that lies in blocks and has a gradient, and is no sum that
/// waits to be stored.
template <class Facts, class Layer, class Shape, need Gradient, bool Kept, bool IsInput, class Form>
auto lower_blocked_by_itself(lowering<Facts>& into, Layer const& layer, int node,
                             value<Shape, Gradient, Kept, IsInput, Form> in) {
    using T = typename Facts::value_type;
    using device = typename Facts::device;
    using out_shape = shape_from<layer_output<Layer, Shape>>;
    constexpr bool is_relu = fuses_as<Layer> == fusion::rectifier;

    auto& to = into.to;
    int const cell = add_blocked<width<T>, out_shape>(into);
    using form = blocked_form<width<T>, stage::complete, false>;
    constexpr bool may_join_relu = !is_relu && Form::is_rectified && pools_with_relu<Facts>();
    value<out_shape, Gradient, is_relu || may_join_relu, false, form> out{
        cell, -1, {cell, to.forward.size()}};
    step<T> s;
    s.what = "forward";
    s.object = &layer;
    s.type_name = &Layer::type_name;
    s.node = node;
    s.input = in.form.cell;
    s.output = cell;
    s.parameters = into.parameters;
    s.plan = &plan_blocked_by_itself<Layer, !is_relu, T>;
    s.is_by_image = true;
    if constexpr (is_relu) {
        s.run = &forward_blocked_relu<device, T>;
    } else {
        s.run = &forward_blocked_pool<Layer, device, T>;
        s.state = to.states.size();
        to.states.emplace_back();
    }
    to.forward.push_back(s);

    out.gradient = add_blocked_gradient(into, cell);
    s.what = "backward";
    s.plan = nullptr;
    s.grad_output = out.gradient;
    if constexpr (may_join_relu) {
        // Nobody sees the gradient between the two where the ReLU's step is the last so far, and takes it.
        auto* const relu = to.backward.empty() ? nullptr : &to.backward.back();
        if (relu != nullptr && relu->run == &backward_blocked_relu<device, T> &&
            relu->grad_output == in.gradient) {
            s.grad_input = relu->grad_input;
            s.reads_output = true;
            s.run = &backward_blocked_rectified_pool<Layer, device, T>;
            *relu = s;
            return as_rectified(out);
        }
    }
    s.grad_input = gradient_to_write<false>(into, in.gradient);
    to.gradient(s.grad_input).owns = true;
    s.reads_output = is_relu;
    if constexpr (is_relu)
        s.run = &backward_blocked_relu<device, T>;
    else
        s.run = &backward_blocked_pool<Layer, device, T>;
    to.backward.push_back(s);
    if constexpr (is_relu || (Form::is_rectified && hands_zeros_on<Layer>))
        return as_rectified(out);
    else
        return out;
}

// --- the sum of two values ----------------------------------------------------------------------------------

template <class T>
void plan_blocked_sum(tape<T>& t, step<T> const& s) {
    t.size_value(s.output, size_scope<void>::sum(t.value(s.input).sizes, t.value(s.second_input).sizes));
}

template <class T>
void forward_blocked_sum(tape<T>& t, step<T> const& s) {
    auto const& a = t.value(s.input);
    auto const& b = t.value(s.second_input);
    auto const& out = t.value(s.output);
    auto const& finish = fused_of(t, s).finish;
    for_planes(t, out, [&](some_planes const& planes) {
        clear_border(planes.layout(out), planes.images, planes.data(out));
        kernels::blocked_sum(planes.layout(a), planes.layout(b), planes.layout(out), planes.images,
                             finish.rectifies, finish.largest, planes.read(a), planes.read(b),
                             planes.data(out));
    });
}

/// True where two values are added in their blocked form.
template <class T, class A, class B>
inline constexpr bool sums_blocked = A::form_type::block == width<T> || B::form_type::block == width<T>;

template <class Value>
inline constexpr bool can_take_term = !Value::is_kept && Value::form_type::reached < stage::with_term;

/// The cell and the step of the sum. A step in front that can still add a second term does it, where it is the last so
/// far: the other value is there then. Else there is a step for it.
template <class Facts, class A, class B>
blocked_form<width<typename Facts::value_type>, stage::with_term, false>
add_blocked_sum(lowering<Facts>& into, A a, B b) {
    using T = typename Facts::value_type;
    auto& to = into.to;
    auto const take_term = [&to](auto const& open, auto const& other) {
        fused_of(to, to.forward[open.form.step]).term = other.form.cell;
        fused_of(to, to.forward[open.form.step]).names.push_back(+[] { return std::string{"sum"}; });
        return blocked_form<width<T>, stage::with_term, false>{open.form.cell, open.form.step};
    };
    auto const is_last = [&to](auto const& open) { return open.form.step + 1 == to.forward.size(); };
    constexpr bool both = A::form_type::block == width<T> && B::form_type::block == width<T>;
    if constexpr (both && can_take_term<B>)
        if (is_last(b))
            return take_term(b, a);
    if constexpr (both && can_take_term<A>)
        if (is_last(a))
            return take_term(a, b);

    auto const x = with_blocks_of<width<T>>(into, a);
    auto const y = with_blocks_of<width<T>>(into, b);
    step<T> s;
    s.what = "forward sum";
    s.run = &forward_blocked_sum<T>;
    s.plan = &plan_blocked_sum<T>;
    s.is_by_image = true;
    s.input = x.form.cell;
    s.second_input = y.form.cell;
    s.output = add_blocked<width<T>, typename A::shape>(into);
    s.fused = new_fused_work(into);
    to.forward.push_back(s);
    return {s.output, to.forward.size() - 1};
}

} // namespace hookcam::detail
