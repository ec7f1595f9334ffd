#pragma once

#include "../core/extents.hpp"
#include "../core/policies.hpp"
#include "../core/type_name.hpp"
#include "fusion.hpp"
#include "parameters.hpp"

#include <cstddef>
#include <string>
#include <type_traits>
// slots: begin
#include "../hooks/slot.hpp"
// slots: end

namespace hookcam {

/// In `reads`: a backward reads the layer's input.
struct input {};
/// In `reads`: a backward reads the layer's output.
struct output {};
/// What a backward reads beside the gradient of the output: the plan keeps only that.
template <class... What>
struct reads {
    /// True for `input` or `output` where it is among them.
    template <class Value>
    static constexpr bool has = (false || ... || std::is_same_v<What, Value>);
};

/// The base of every layer, by CRTP. A layer is an empty class; what it inherits here are the answers of the
/// simplest layer, one that maps every element by itself and keeps nothing. It overrides what differs:
///
/// - `static constexpr extents output_extents(extents const& in)`: the sizes after the layer, without the
///   batch. It states what it asks of its input by `require`. A size may be `dynamic`: hand it through.
/// - `void forward(x, y) const` and `void backward([x,] [y,] grad_y, grad_x) const`: views N,C,H,W or N,F.
///   Backward gets the input and the output where `backward_reads` names them.
/// - `using parameters = hookcam::parameters<…>`: then all functions take `own` first, and `get<"weight">(own)`
///   is a view of a parameter. `backward_parameters(own, x, grad_y, gradients)` sets every learned parameter's
///   gradient, `get<"weight">(gradients)`, summed over the batch.
/// - `packed_size(batch)`, in elements, and `static void pack(own, packed)`: the plan keeps what `pack` writes as long as
///   the parameters stay as they are, and forward and
///   backward get it as `own.packed`, null where the size is zero.
/// - `void backward_but_at_zeros(own, x, grad_y, grad_x) const`: the same as `backward`, but where x is zero grad_x may be
///   set to zero. It is called where a ReLU in front drops that gradient anyway, and nobody sees it in between.
/// - `scratch_bytes(in, out)` for one call, `state_bytes(in, out)` for each image from forward to backward:
///   then `own` comes too, with `own.scratch` and `own.state`. Forward's `own.state` is null in a plan without
///   a backward.
template <class Derived, class... Policies>
struct layer {
    using parameters = hookcam::parameters<>;
    using backward_reads = reads<>;
    /// Entries of a PyTorch state dict that the layer has no use for.
    using ignored_entries = detail::list<>;
    /// True where forward may write its output over its input.
    static constexpr bool in_place = false;
    /// True where the output is the input in another shape: nothing runs then.
    static constexpr bool is_view = false;
    /// True where forward and backward run on a GPU too: there x, y and `get<…>(own)` are device views.
    static constexpr bool has_device_kernels = false;
    /// True by the policy `on_host`: in a model on a device it runs on the cpu all the same, on copies.
    static constexpr bool runs_on_host = (false || ... || std::is_same_v<Policies, on_host>);

    [[nodiscard]] static constexpr extents output_extents(extents const& in) { return in; }

    /// The type as its user writes it: `conv2d<1, 2, kernel<3>, padding<1>>`.
    [[nodiscard]] static std::string type_name() { return detail::type_name_of<Derived>(); }

    // slots: begin
    template <class Policy>
    using slot_or_nothing = std::conditional_t<detail::a_slot<Policy>, detail::list<Policy>, detail::list<>>;
    using slot_list = detail::concatenate<detail::list<>, slot_or_nothing<Policies>...>;

    /// The hooks among the policies.
    [[nodiscard]] constexpr auto const& slots() const noexcept { return m_slots; }

private:
    [[no_unique_address]] detail::slots_of<Derived, slot_list> m_slots;
    // slots: end
};

namespace detail {

template <class T>
concept a_layer = std::is_base_of_v<layer<T>, T> || requires {
    typename T::parameters;
    typename T::backward_reads;
    T::is_view;
};

template <class Layer>
concept has_scratch = requires(extents sizes) {
    Layer::scratch_bytes(sizes, sizes);
};
template <class Layer>
concept has_packed = requires {
    Layer::packed_size(std::size_t{});
};
/// True where the layer has a `backward_but_at_zeros`: said of the layer itself.
template <class Layer>
inline constexpr bool can_skip_zeros = false;
/// True where an output that is not below zero can only be zero where all inputs that it hands its gradient to are: said
/// of the layer itself.
template <class Layer>
inline constexpr bool hands_zeros_on = Layer::is_view;
/// Scratch memory on a GPU: `device_scratch_bytes(batch, in, out)` for one call.
template <class Layer>
concept has_device_scratch = requires(extents sizes) {
    Layer::device_scratch_bytes(std::size_t{}, sizes, sizes);
};
template <class Layer>
concept has_state = requires(extents sizes) {
    Layer::state_bytes(sizes, sizes);
};

/// True where the layer's functions take `own` first.
template <class Layer>
inline constexpr bool takes_own = Layer::parameters::count != 0 || has_scratch<Layer> || has_state<Layer>;

/// Checks a layer's policies: each of a kind that the layer knows (or a slot), and no kind twice.
template <class Layer, class Kinds, class... Policies>
struct check_policies;
template <class Layer, class... Kinds, class... Policies>
struct check_policies<Layer, list<Kinds...>, Policies...> {
    static_assert((true && ... &&
                   known_policy<Layer, Policies,
                                policy_is_one_of<Policies, policy::slot, policy::place, Kinds...>()>::value));
    static_assert((true && ... && (count_policy<Kinds, Policies...> <= 1)),
                  "hookcam::layer: a layer takes one policy of a kind; take the others out");
    static constexpr bool value = true;
};

} // namespace detail

} // namespace hookcam
