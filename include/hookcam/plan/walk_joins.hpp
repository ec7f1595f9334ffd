#pragma once

#include "../compose/joins_cpu.hpp"
#include "../compose/joins_cuda.hpp"
#include "../compose/output_shape.hpp"
#include "forms.hpp"
#include "tape.hpp"
#include "value.hpp"
#include "walk_blocked.hpp"
#include "walk_maps.hpp"

#include <cstddef>
#include <type_traits>
#include <utility>

namespace hookcam::detail {

// The steps with which composites join their children: fork, sum, concat, product.

/// The shape that a join of values has, by one of the functions of `size_scope`.
struct sum_of {
    template <class... Sizes>
    static constexpr extents of(Sizes const&... sizes) {
        return size_scope<void>::sum(sizes...);
    }
};
struct concat_of {
    template <class... Sizes>
    static constexpr extents of(Sizes const&... sizes) {
        return size_scope<void>::concat(sizes...);
    }
};
struct product_of {
    template <class... Sizes>
    static constexpr extents of(Sizes const&... sizes) {
        return size_scope<void>::product(sizes...);
    }
};
template <class Join, class... Shapes>
struct joined_shape {
    static constexpr extents value = Join::of(Shapes::value...);
};

/// The value in a cell that joins others, with a gradient where one of theirs is needed.
template <class Join, class Facts, class Form, class... Values>
auto new_joined(lowering<Facts>& into, int cell, Form form, Values...) {
    using shape = shape_from<joined_shape<Join, typename Values::shape...>>;
    constexpr need gradient = [] {
        need most = need::never;
        ((most = max(most, Values::gradient_need)), ...);
        return most;
    }();
    value<shape, gradient, false, false, Form> out{cell, -1, form};
    if constexpr (gradient != need::never)
        out.gradient = into.to.add_gradient(out.cell);
    return out;
}

template <class Join, class Facts, class... Values>
auto new_dense_joined(lowering<Facts>& into, Values... values) {
    using shape = shape_from<joined_shape<Join, typename Values::shape...>>;
    return new_joined<Join>(into, into.to.add_value(shape::value, true), dense_form{}, values...);
}

template <class Join, class T>
void plan_join(tape<T>& t, step<T> const& s) {
    t.size_value(s.output, Join::of(t.value(s.input).sizes, t.value(s.second_input).sizes));
}

// --- fork ----------------------------------------------------------------------------------------------------

/// to = a + b.
template <class Device, class T>
void add_shared(tape<T> const& t, std::size_t size, T const* a, T const* b, T* to) {
    if constexpr (a_gpu<Device>)
        kernels::add(device_at<Device>(t), size, a, b, to);
    else
        for_numbers(t.workers, size, [&](std::size_t first, std::size_t count) {
            kernels::add(Device{}, count, a + first, b + first, to + first);
        });
}

/// The gradient of a value that is used twice is the sum of both uses'.
template <class Device, class T>
void backward_fork(tape<T>& t, step<T> const& s) {
    auto& to = t.gradient(s.grad_input);
    T const* const a = t.gradient(s.grad_output).data;
    T const* const b = t.gradient(s.second_grad_output).data;
    add_shared<Device>(t, t.batch * to.room(), a, b, to.data);
}

template <class Facts, class Shape, need Gradient, bool Kept, bool IsInput, class Form>
auto lower_fork(lowering<Facts>& into, value<Shape, Gradient, Kept, IsInput, Form> in) {
    using branch = value<Shape, Gradient, true, IsInput, Form>; // kept: the other branch reads it too
    branch a{in.cell, -1, in.form};
    branch b{in.cell, -1, in.form};
    if constexpr (Gradient != need::never) {
        bool const is_dense = into.to.gradient(in.gradient).block == 0;
        for (auto* const made : {&a.gradient, &b.gradient})
            *made = is_dense ? into.to.add_gradient(in.cell) : add_blocked_gradient(into, in.cell);
        step<typename Facts::value_type> s;
        s.what = "backward fork";
        s.run = &backward_fork<typename Facts::device, typename Facts::value_type>;
        s.is_by_image = !a_gpu<typename Facts::device>;
        s.grad_input = in.gradient;
        s.grad_output = a.gradient;
        s.second_grad_output = b.gradient;
        into.to.gradient(in.gradient).owns = true;
        into.to.backward.push_back(s);
    }
    return std::pair{a, b};
}

// --- sum -----------------------------------------------------------------------------------------------------

template <class Device, class T>
void forward_sum(tape<T>& t, step<T> const& s) {
    auto& out = t.value(s.output);
    std::size_t const size = t.batch * out.sizes.count();
    T const* const a = t.value(s.input).data;
    T const* const b = t.value(s.second_input).data;
    if constexpr (a_gpu<Device>)
        kernels::add(device_at<Device>(t), size, a, b, out.data, ending_of(t, s).rectifier);
    else
        add_shared<Device>(t, size, a, b, out.data);
}

/// The gradient of a sum is that of both its terms.
template <class T>
void backward_sum(tape<T>& t, step<T> const& s) {
    auto* const data = t.gradient(s.grad_output).data;
    if (s.grad_input >= 0)
        t.gradient(s.grad_input).data = data;
    if (s.second_grad_input >= 0)
        t.gradient(s.second_grad_input).data = data;
}

/// The steps of a sum in the form that its terms have.
template <class Facts, class A, class B>
auto lower_forward_sum(lowering<Facts>& into, A a, B b) {
    using T = typename Facts::value_type;
    if constexpr (sums_blocked<T, A, B>) {
        auto const form = add_blocked_sum(into, a, b);
        return new_joined<sum_of>(into, form.cell, form, a, b);
    } else {
        // On a device the sum can take a ReLU in.
        auto const form = [&] {
            if constexpr (a_gpu<typename Facts::device>)
                return open_form<stage::with_term>{into.to.forward.size()};
            else
                return dense_form{};
        }();
        using shape = shape_from<joined_shape<sum_of, typename A::shape, typename B::shape>>;
        auto const out = new_joined<sum_of>(into, into.to.add_value(shape::value, true), form, a, b);
        step<T> s;
        if constexpr (a_gpu<typename Facts::device>)
            s.fused = new_fused_work(into);
        s.what = "forward sum";
        s.run = &forward_sum<typename Facts::device, T>;
        s.plan = &plan_join<sum_of, T>;
        s.input = a.cell;
        s.second_input = b.cell;
        s.output = out.cell;
        into.to.forward.push_back(s);
        return out;
    }
}

template <class Facts, class A, class B>
auto lower_sum(lowering<Facts>& into, A a, B b) {
    using T = typename Facts::value_type;
    auto const out = lower_forward_sum(into, a, b);
    if constexpr (decltype(out)::gradient_need != need::never) {
        // All three are one: dense, unless nobody needs that.
        auto const is_blocked = [&](int gradient) {
            return gradient < 0 || into.to.gradient(gradient).block != 0;
        };
        if (is_blocked(a.gradient) && is_blocked(b.gradient)) {
            into.to.gradient(out.gradient).block = width<T>;
        } else {
            a.gradient = gradient_to_write<true>(into, a.gradient);
            b.gradient = gradient_to_write<true>(into, b.gradient);
        }
        step<T> s;
        s.what = "backward sum";
        s.run = &backward_sum<T>;
        s.is_by_image = !a_gpu<typename Facts::device>;
        s.grad_input = a.gradient;
        s.second_grad_input = b.gradient;
        s.grad_output = out.gradient;
        into.to.backward.push_back(s);
    }
    return out;
}

// --- concat: a step for each part, which copies its channels behind those of the parts before ---------------

template <bool IsFirst, bool IsLast, class T>
void plan_part(tape<T>& t, step<T> const& s) {
    auto const& part = t.value(s.input).sizes;
    auto& joined = t.value(s.output).sizes; // as far as the parts before
    t.offsets[s.state] = IsFirst ? 0 : joined.count();
    joined = IsFirst ? part : concat_of::of(joined, part);
    if constexpr (IsLast)
        t.size_value(s.output, joined);
}

template <class Device, class T>
void forward_part(tape<T>& t, step<T> const& s) {
    auto const& part = t.value(s.input);
    auto& out = t.value(s.output);
    kernels::copy_part(device_at<Device>(t), t.batch, part.sizes.count(), static_cast<T const*>(part.data),
                       part.sizes.count(), out.data + t.offsets[s.state], out.sizes.count());
}

template <class Device, class T>
void backward_part(tape<T>& t, step<T> const& s) {
    auto const& out = t.gradient(s.grad_output);
    auto& part = t.gradient(s.grad_input);
    kernels::copy_part(device_at<Device>(t), t.batch, part.sizes.count(),
                       static_cast<T const*>(out.data + t.offsets[s.state]), out.sizes.count(), part.data,
                       part.sizes.count());
}

template <bool IsFirst, bool IsLast, class Facts, class Part, class Out>
void lower_part(lowering<Facts>& into, Part part, Out out) {
    using T = typename Facts::value_type;
    step<T> s;
    s.what = "forward concat";
    s.run = &forward_part<typename Facts::device, T>;
    s.plan = &plan_part<IsFirst, IsLast, T>;
    s.input = part.cell;
    s.output = out.cell;
    s.state = into.to.offsets.size();
    into.to.offsets.push_back(0);
    into.to.forward.push_back(s);
    if constexpr (Part::gradient_need != need::never) {
        s.what = "backward concat";
        s.run = &backward_part<typename Facts::device, T>;
        s.plan = nullptr;
        s.grad_input = gradient_to_write<true>(into, part.gradient);
        s.grad_output = out.gradient;
        into.to.gradient(s.grad_input).owns = true;
        into.to.backward.push_back(s);
    }
}

template <class Facts, class... Parts>
auto lower_dense_concat(lowering<Facts>& into, Parts... parts) {
    auto const out = new_dense_joined<concat_of>(into, parts...);
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        (lower_part<I == 0, I + 1 == sizeof...(Parts)>(into, parts, out), ...);
    }
    (std::index_sequence_for<Parts...>{});
    return out;
}

/// The layout of one of the parts within all of them.
template <class T>
[[nodiscard]] blocked_layout layout_of_part(cell<T> const& part, cell<T> const& whole) {
    auto layout = whole.layout();
    layout.blocks_apart = layout.blocks_apart == 0 ? layout.blocks() : layout.blocks_apart;
    layout.channels = part.sizes[0];
    return layout;
}

template <bool IsFirst, bool IsLast, class T>
void plan_blocked_part(tape<T>& t, step<T> const& s) {
    auto const& whole = t.value(s.output);
    std::size_t const first_block = IsFirst ? 0 : whole.sizes[0] / whole.block; // behind the parts before
    plan_part<IsFirst, IsLast>(t, s);
    auto& work = fused_of(t, s);
    work.first_block = first_block;
    if (work.is_in_place)
        t.value(s.input).first_block = first_block;
}

template <class Device, class T>
void forward_blocked_part(tape<T>& t, step<T> const& s) {
    auto const& part = t.value(s.input);
    auto const& whole = t.value(s.output);
    if (fused_of(t, s).is_in_place)
        return; // it was made there
    auto const layout = layout_of_part(part, whole);
    T* const to = whole.data + fused_of(t, s).first_block * layout.plane();
    for_planes(t, part, [&](some_planes const& planes) {
        clear_border(planes.of(layout), planes.images, planes.in(layout, to));
        kernels::copy_blocks(Device{}, planes.images, planes.layout(part), planes.read(part),
                             planes.of(layout), planes.in(layout, to));
    });
}

/// True where each value lies in whole vectors of channels, and each but the last ends with one.
template <class T, class... Parts>
constexpr bool concats_blocked() {
    std::size_t left = sizeof...(Parts);
    auto const fits = [&left](std::size_t block, std::size_t channels) {
        bool const is_last = --left == 0;
        return block == width<T> && (is_last || (channels != dynamic && channels % width<T> == 0));
    };
    return (true && ... && fits(Parts::form_type::block, Parts::shape::value[0]));
}

/// A cell that is nothing else's part becomes that of the whole, and is made in its place; false where it is not.
template <class Facts>
bool place_part(lowering<Facts>& into, int part, int whole) {
    auto& cell = into.to.value(part);
    if (!cell.owns)
        return false;
    cell.owns = false;
    cell.part_of = whole;
    return true;
}

template <class Facts, class... Parts>
auto lower_blocked_concat(lowering<Facts>& into, Parts... parts) {
    using T = typename Facts::value_type;
    using device = typename Facts::device;
    using shape = shape_from<joined_shape<concat_of, typename Parts::shape...>>;
    int const cell = add_blocked<width<T>, shape>(into);
    blocked_form<width<T>, stage::complete, false> const form{cell, 0};
    auto const out = new_joined<concat_of>(into, cell, form, parts...);
    auto const lower = [&](auto is_first, auto is_last, auto part) {
        bool const is_in_place = place_part(into, part.form.cell, cell);
        lower_part<is_first, is_last>(into, part, out);
        auto& s = into.to.forward.back();
        s.run = &forward_blocked_part<device, T>;
        s.plan = &plan_blocked_part<is_first, is_last, T>;
        s.input = part.form.cell;
        s.fused = new_fused_work(into);
        fused_of(into.to, s).is_in_place = is_in_place;
    };
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        (lower(std::bool_constant<I == 0>{}, std::bool_constant<I + 1 == sizeof...(Parts)>{}, parts), ...);
    }
    (std::index_sequence_for<Parts...>{});
    return out;
}

template <class Facts, class... Parts>
auto lower_concat(lowering<Facts>& into, Parts... parts) {
    if constexpr (concats_blocked<typename Facts::value_type, Parts...>())
        return lower_blocked_concat(into, parts...);
    else
        return lower_dense_concat(into, dense(into, parts)...);
}

// --- product: of equal sizes, or with one number for each channel --------------------------------------------

/// How many elements of the first factor share one of the second.
template <class T>
[[nodiscard]] std::size_t share_of(tape<T>& t, step<T> const& s) {
    return t.value(s.input).sizes.count() / t.value(s.second_input).sizes.count();
}

template <class Device, class T>
void forward_product(tape<T>& t, step<T> const& s) {
    auto& out = t.value(s.output);
    kernels::multiply(device_at<Device>(t), t.batch * out.sizes.count(), share_of(t, s),
                      t.value(s.input).data, t.value(s.second_input).data, out.data);
}

template <class Device, class T>
void backward_first_factor(tape<T>& t, step<T> const& s) {
    auto const& grad = t.gradient(s.grad_output);
    kernels::multiply(device_at<Device>(t), t.batch * grad.sizes.count(), share_of(t, s), grad.data,
                      t.value(s.second_input).data, t.gradient(s.grad_input).data);
}

template <class Device, class T>
void backward_second_factor(tape<T>& t, step<T> const& s) {
    auto const& grad = t.gradient(s.grad_output);
    kernels::multiply_and_sum(device_at<Device>(t), t.batch * grad.sizes.count(), share_of(t, s), grad.data,
                              t.value(s.input).data, t.gradient(s.grad_input).data);
}

template <class Device, class T>
void forward_blocked_product(tape<T>& t, step<T> const& s) {
    auto const& a = t.value(s.input);
    auto const& b = t.value(s.second_input);
    auto const& out = t.value(s.output);
    for_planes(t, out, [&](some_planes const& planes) {
        clear_border(planes.layout(out), planes.images, planes.data(out));
        kernels::multiply_blocked(Device{}, planes.images, planes.layout(a), planes.read(a), planes.layout(b),
                                  planes.read(b), planes.layout(out), planes.data(out));
    });
}

template <class Facts, class A, class B>
auto lower_blocked_product(lowering<Facts>& into, A a, B b) {
    using T = typename Facts::value_type;
    using shape = shape_from<joined_shape<product_of, typename A::shape, typename B::shape>>;
    step<T> s;
    s.what = "forward product";
    s.run = &forward_blocked_product<typename Facts::device, T>;
    s.plan = &plan_join<product_of, T>;
    s.input = a.form.cell;
    s.second_input = b.form.cell;
    s.output = add_blocked<width<T>, shape>(into);
    blocked_form<width<T>, stage::complete, false> const form{s.output, into.to.forward.size()};
    into.to.forward.push_back(s);
    return new_joined<product_of>(into, s.output, form, a, b);
}

template <class Facts, class A, class B>
auto lower_dense_product(lowering<Facts>& into, A first, B second) {
    using T = typename Facts::value_type;
    using device = typename Facts::device;
    auto const a = dense(into, first);
    auto const b = dense(into, second);
    auto const out = new_dense_joined<product_of>(into, a, b);
    step<T> s;
    s.what = "forward product";
    s.run = &forward_product<device, T>;
    s.plan = &plan_join<product_of, T>;
    s.input = a.cell;
    s.second_input = b.cell;
    s.output = out.cell;
    into.to.forward.push_back(s);
    s.what = "backward product";
    s.reads_input = true;
    s.plan = nullptr;
    s.grad_output = out.gradient;
    if constexpr (A::gradient_need != need::never) {
        s.run = &backward_first_factor<device, T>;
        s.grad_input = a.gradient;
        into.to.gradient(a.gradient).owns = true;
        into.to.backward.push_back(s);
    }
    if constexpr (B::gradient_need != need::never) {
        s.run = &backward_second_factor<device, T>;
        s.grad_input = b.gradient;
        into.to.gradient(b.gradient).owns = true;
        into.to.backward.push_back(s);
    }
    return out;
}

template <class Facts, class A, class B>
auto lower_product(lowering<Facts>& into, A a, B b) {
    using T = typename Facts::value_type;
    if constexpr (is_only_blocked<T, A> && is_only_blocked<T, B>)
        return lower_blocked_product(into, a, b);
    else
        return lower_dense_product(into, a, b);
}

} // namespace hookcam::detail
