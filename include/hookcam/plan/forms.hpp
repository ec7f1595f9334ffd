#pragma once

#include "../tensor/blocked.hpp"
#include "../tensor/device.hpp"
#include "share_planes.hpp"
#include "tape.hpp"
#include "value.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::detail {

// The two forms of a value, and the steps that make one of the other: dense for whoever looks, blocked for the kernels
// that are made for it.

template <class T>
void plan_copy(tape<T>& t, step<T> const& s) {
    t.size_value(s.output, t.value(s.input).sizes);
}

template <class T>
void forward_to_dense(tape<T>& t, step<T> const& s) {
    auto const& in = t.value(s.input);
    auto const& out = t.value(s.output);
    for_planes(t, in, [&](some_planes const& planes) {
        from_blocked(planes.layout(in), planes.images, planes.read(in), planes.dense(out, in.block));
    });
}

template <class T>
void forward_to_blocked(tape<T>& t, step<T> const& s) {
    auto const& in = t.value(s.input);
    auto const& out = t.value(s.output);
    for_planes(t, out, [&](some_planes const& planes) {
        clear_border(planes.layout(out), planes.images, planes.data(out));
        T const* const from = planes.dense(in, out.block);
        to_blocked(planes.layout(out), planes.images, from, planes.data(out));
    });
}

/// A new cell of blocked channels.
template <std::size_t Block, class Shape, class Facts>
int add_blocked(lowering<Facts>& into) {
    int const cell = into.to.add_value(Shape::value, true);
    into.to.value(cell).block = Block;
    return cell;
}

template <class Facts>
void add_copy(lowering<Facts>& into, char const* what, int from, int to,
              void (*run)(tape<typename Facts::value_type>&, step<typename Facts::value_type> const&)) {
    step<typename Facts::value_type> s;
    s.what = what;
    s.run = run;
    s.plan = &plan_copy<typename Facts::value_type>;
    s.is_by_image = true;
    s.input = from;
    s.output = to;
    into.to.forward.push_back(s);
}

/// The cell that holds a cell's value in the other form, dense (0) or in blocks of a size: made once, however many
/// branches ask for it.
template <class Facts, class Make>
int other_form(lowering<Facts>& into, int of, std::size_t block, Make make) {
    int const known = into.to.value(of).other_form;
    if (known >= 0 && into.to.value(known).block == block)
        return known;
    int const made = make(); // may move the cells
    into.to.value(of).other_form = made;
    return made;
}

// Gradients have one form each: that in which whoever computes the value reads its gradient.

template <class T>
void backward_to_dense(tape<T>& t, step<T> const& s) {
    auto const& from = t.gradient(s.grad_output);
    auto const& to = t.gradient(s.grad_input);
    for_planes(t, from, [&](some_planes const& planes) {
        from_blocked(planes.layout(from), planes.images, planes.read(from), planes.dense(to, from.block));
    });
}

template <class T>
void backward_to_blocked(tape<T>& t, step<T> const& s) {
    auto const& from = t.gradient(s.grad_output);
    auto const& to = t.gradient(s.grad_input);
    for_planes(t, to, [&](some_planes const& planes) {
        T const* const dense = planes.dense(from, to.block);
        to_blocked(planes.layout(to), planes.images, dense, planes.data(to));
    });
}

/// A new gradient of a cell's value, of channels in blocks of a vector's width.
template <class Facts>
int add_blocked_gradient(lowering<Facts>& into, int value) {
    int const made = into.to.add_gradient(value);
    into.to.gradient(made).block = width<typename Facts::value_type>;
    return made;
}

/// A gradient for somebody to write, dense or in blocks: a step behind copies it to the one that is given, if that has
/// the other form. −1 stays −1.
template <bool Dense, class Facts>
int gradient_to_write(lowering<Facts>& into, int given) {
    using T = typename Facts::value_type;
    if (given < 0 || (into.to.gradient(given).block == 0) == Dense)
        return given;
    int const value = into.to.gradient_of[static_cast<std::size_t>(given)];
    int const made = Dense ? into.to.add_gradient(value) : add_blocked_gradient(into, value);
    into.to.gradient(given).owns = true;
    step<T> s;
    s.what = Dense ? "gradient to blocked" : "gradient to dense";
    s.run = Dense ? &backward_to_blocked<T> : &backward_to_dense<T>;
    s.is_by_image = true;
    s.grad_input = given;
    s.grad_output = made;
    into.to.backward.push_back(s);
    return made;
}

/// The value with a dense cell.
template <class Facts, class Shape, need Gradient, bool Kept, bool IsInput, class Form>
auto with_dense(lowering<Facts>& into, value<Shape, Gradient, Kept, IsInput, Form> of) {
    if constexpr (Form::has_dense) {
        return of;
    } else {
        int const cell = other_form(into, of.form.cell, 0, [&] {
            int const made = into.to.add_value(Shape::value, true);
            add_copy(into, "to dense", of.form.cell, made, &forward_to_dense<typename Facts::value_type>);
            return made;
        });
        using both = blocked_form<Form::block, stage::complete, true>;
        return rectified_like(
            of, value<Shape, Gradient, Kept, IsInput, both>{cell, of.gradient, {of.form.cell, of.form.step}});
    }
}

/// The value in its dense cell and no other, and so its gradient: what somebody is given who may change it, or never asks for the other.
template <class Facts, class Shape, need Gradient, bool Kept, bool IsInput, class Form>
auto dense(lowering<Facts>& into, value<Shape, Gradient, Kept, IsInput, Form> of) {
    auto const both = with_dense(into, of);
    int const gradient = gradient_to_write<true>(into, both.gradient);
    return value<Shape, Gradient, Kept, IsInput>{both.cell, gradient};
}

/// The value with a cell of channels in blocks of `Block`.
template <std::size_t Block, class Facts, class Shape, need Gradient, bool Kept, bool IsInput, class Form>
auto with_blocks_of(lowering<Facts>& into, value<Shape, Gradient, Kept, IsInput, Form> of) {
    if constexpr (Form::block == Block) {
        return of;
    } else {
        static_assert(Form::has_dense); // smaller blocks are made of it
        int const cell = other_form(into, of.cell, Block, [&] {
            int const made = add_blocked<Block, Shape>(into);
            add_copy(into, "to blocked", of.cell, made, &forward_to_blocked<typename Facts::value_type>);
            return made;
        });
        using both = blocked_form<Block, stage::complete, true>;
        return value<Shape, Gradient, Kept, IsInput, both>{of.cell, of.gradient, {cell, 0}};
    }
}

/// The same in blocks of `Block` where it has none yet, else as they are.
template <std::size_t Block, class Facts, class Shape, need Gradient, bool Kept, bool IsInput, class Form>
auto with_blocked(lowering<Facts>& into, value<Shape, Gradient, Kept, IsInput, Form> of) {
    if constexpr (Form::block != 0)
        return of;
    else
        return with_blocks_of<Block>(into, of);
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
    into.to.value(kept.cell).stays = true;
}
template <class Facts, std::size_t Index, class Value>
void note_kept(lowering<Facts>& into, keep_gradient<Index>, Value kept) {
    into.to.kept_gradients[Index] = kept.gradient;
    if (kept.gradient >= 0)
        into.to.gradient(kept.gradient).stays = true;
}
/// Whatever else waits at a node is no matter of the request.
template <class Facts, class Other, class Value>
void note_kept(lowering<Facts>&, Other, Value) {}

/// Keeps what the request wants of a node's output.
template <class Facts, class... Here, class Value>
auto keep(lowering<Facts>& into, list<Here...>, Value out) {
    constexpr bool wants_value = (false || ... || is_keep_value<Here>);
    constexpr bool wants_gradient = Facts::differentiates && (false || ... || is_keep_gradient<Here>);
    auto const seen = [&] {
        if constexpr (wants_value)
            return with_dense(into, out);
        else
            return out;
    }();
    auto kept = raise < wants_gradient ? need::always : need::never, wants_value > (into, seen);
    if constexpr (wants_gradient)
        kept.gradient = gradient_to_write<true>(into, kept.gradient);
    (note_kept(into, Here{}, kept), ...);
    if constexpr (wants_gradient)
        return as_seen(kept);
    else
        return kept;
}

} // namespace hookcam::detail
