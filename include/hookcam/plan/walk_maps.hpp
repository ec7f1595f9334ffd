#pragma once

#include "../layers/blocked_map.hpp"
#include "../layers/fusion.hpp"
#include "../layers/fusion_cpu.hpp"
#include "forms.hpp"
#include "share_planes.hpp"
#include "tape.hpp"
#include "value.hpp"
#include "walk_blocked.hpp"

#include <cstddef>
#include <type_traits>

namespace hookcam::detail {

// Layers that take a blocked image and leave it blocked, where it is so already and nobody needs a gradient. Their bits
// are those of their dense forward.

/// A new step from one blocked cell to another.
template <class Shape, class Facts, class Layer, class Value>
step<typename Facts::value_type> blocked_step(lowering<Facts>& into, Layer const& layer, int node, Value in) {
    step<typename Facts::value_type> s;
    s.what = "forward";
    s.object = &layer;
    s.type_name = &Layer::type_name;
    s.node = node;
    s.input = in.form.cell;
    s.output = add_blocked<width<typename Facts::value_type>, Shape>(into);
    s.parameters = into.parameters;
    s.is_by_image = true;
    into.parameters += Layer::parameters::size;
    return s;
}

/// True where a value lies in whole vectors of channels and needs no gradient.
template <class T, class Value>
inline constexpr bool is_only_blocked =
    Value::form_type::block == width<T>&& Value::gradient_need == need::never;

// --- a batch norm that nobody in front takes in ---------------------------------------------------------------

template <class Facts, class Layer, class Value>
inline constexpr bool is_blocked_norm =
    fuses_as<Layer> == fusion::scale_and_shift&& is_only_blocked<typename Facts::value_type, Value> &&
    !(Facts::parameter_gradients && Layer::parameters::any_learned);

template <class T>
void plan_blocked_norm(tape<T>& t, step<T> const& s) {
    t.size_value(s.output, t.value(s.input).sizes);
    auto const& in = t.value(s.input).layout();
    auto& fused = fused_of(t, s);
    if (fused.packed.size() == 0)
        fused.packed = memory<T>(2 * in.blocks() * in.block);
}

template <class Device, class T>
void forward_blocked_norm(tape<T>& t, step<T> const& s) {
    auto& fused = fused_of(t, s);
    auto const& in = t.value(s.input);
    auto const& out = t.value(s.output);
    auto finish = fused.finish;
    T* const scale = fused.packed.data();
    T* const shift = scale + fused.packed.size() / 2;
    finish.scale = scale;
    finish.shift = shift;
    if (!fused.is_packed)
        fused.scale_and_shift(t.parameters + s.parameters, scale, shift);
    fused.is_packed = true;
    for_planes(t, out, [&](some_planes const& planes) {
        auto of_planes = finish;
        of_planes.scale += planes.block * out.block;
        of_planes.shift += planes.block * out.block;
        clear_border(planes.layout(out), planes.images, planes.data(out));
        kernels::scale_and_shift_blocked(Device{}, of_planes, planes.images, planes.layout(in),
                                         planes.layout(out), planes.read(in), planes.data(out));
    });
}

/// A rectifier behind it is done in the same pass.
template <class Facts, class Layer, class Shape, need Gradient, bool Kept, bool IsInput, class Form>
auto lower_blocked_norm(lowering<Facts>& into, Layer const& layer, int node,
                        value<Shape, Gradient, Kept, IsInput, Form> in) {
    using T = typename Facts::value_type;
    using device = typename Facts::device;
    auto s = blocked_step<Shape>(into, layer, node, in);
    s.run = &forward_blocked_norm<device, T>;
    s.plan = &plan_blocked_norm<T>;
    s.fused = new_fused_work(into);
    fused_of(into.to, s).scale_and_shift = &write_scale_and_shift<Layer, device, T>;
    using form = blocked_form<width<T>, stage::with_term, false>;
    value<Shape, Gradient, false, false, form> const out{s.output, -1, {s.output, into.to.forward.size()}};
    into.to.forward.push_back(s);
    return out;
}

// --- layers without parameters --------------------------------------------------------------------------------

template <class Facts, class Layer, class Value>
inline constexpr bool is_blocked_map =
    blocked_map<Layer>::exists&& is_only_blocked<typename Facts::value_type, Value>;

template <class Layer, class T>
void plan_blocked_map(tape<T>& t, step<T> const& s) {
    t.size_value(s.output, Layer::output_extents(t.value(s.input).sizes));
}

template <class Layer, class Device, class T>
void forward_blocked_map(tape<T>& t, step<T> const& s) {
    auto const& in = t.value(s.input);
    auto const& out = t.value(s.output);
    auto const run = [&](some_planes const& planes) {
        clear_border(planes.layout(out), planes.images, planes.data(out));
        blocked_map<Layer>::run(Device{}, planes.images, planes.layout(in), planes.layout(out),
                                planes.read(in), planes.data(out));
    };
    if constexpr (blocked_map<Layer>::is_by_planes)
        for_planes(t, in.room() < out.room() ? out : in, run);
    else
        run({t.batch});
}

template <class Facts, class Layer, class Shape, need Gradient, bool Kept, bool IsInput, class Form>
auto lower_blocked_map(lowering<Facts>& into, Layer const& layer, int node,
                       value<Shape, Gradient, Kept, IsInput, Form> in) {
    using T = typename Facts::value_type;
    using out_shape = shape_from<layer_output<Layer, Shape>>;
    auto s = blocked_step<out_shape>(into, layer, node, in);
    s.run = &forward_blocked_map<Layer, typename Facts::device, T>;
    s.plan = &plan_blocked_map<Layer, T>;
    using form = blocked_form<width<T>, stage::complete, false>;
    value<out_shape, Gradient, false, false, form> const out{
        s.output, -1, {s.output, into.to.forward.size()}};
    into.to.forward.push_back(s);
    return out;
}

// --- any layer ------------------------------------------------------------------------------------------------

/// Appends a layer's steps, in the way that is best for it. Who looks decides only whether it shares a step with the
/// layer in front, and in which form its input lies, and no bit depends on either.
template <class Facts, class Layer, class Shape, need Gradient, bool Kept, bool IsInput, class Form>
auto lower_layer(lowering<Facts>& into, Layer const& layer, int node,
                 value<Shape, Gradient, Kept, IsInput, Form> in) {
    using given = value<Shape, Gradient, Kept, IsInput, Form>;
    if constexpr (Facts::mode::template changes<Layer>)
        return Facts::mode::lower(into, layer, node, in);
    else if constexpr (can_fuse<Facts, Layer, given>() && Form::block == 0)
        return lower_ending_layer(into, layer, node, in);
    else if constexpr (can_fuse<Facts, Layer, given>())
        return lower_fused_layer(into, layer, node, in);
    else if constexpr (blocked_kernel<Layer>::exists && !a_gpu<typename Facts::device>)
        return lower_blocked_layer(into, layer, node, in);
    else if constexpr (fuses_as<Layer> == fusion::identity)
        return in;
    else if constexpr (is_blocked_norm<Facts, Layer, given>)
        return lower_blocked_norm(into, layer, node, in);
    else if constexpr (is_blocked_map<Facts, Layer, given>)
        return lower_blocked_map(into, layer, node, in);
    else if constexpr (Gradient != need::never && Form::block == width<typename Facts::value_type> &&
                       (fuses_as<Layer> == fusion::rectifier || fuses_as<Layer> == fusion::max_pooling))
        return lower_blocked_by_itself(into, layer, node, in);
    else
        return lower_dense_layer(into, layer, node, rectified_like(in, dense(into, in)));
}

} // namespace hookcam::detail
