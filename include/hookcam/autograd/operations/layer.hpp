#pragma once

#include "../../core/extents.hpp"
#include "../../layers/layer.hpp"
#include "../../layers/parameters.hpp"
#include "../../tensor/device.hpp"
#include "../../tensor/memory.hpp"
#include "../../tensor/view.hpp"
#include "conv2d.hpp"
#include "layer_gradients.hpp"
#include "linear.hpp"
#include "shape.hpp"
#include "softmax.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace hookcam {

template <std::size_t In, std::size_t Out, class... Policies>
struct conv2d;
template <std::size_t In, std::size_t Out, class... Policies>
struct conv_transpose2d;
template <std::size_t In, std::size_t Out, class... Policies>
struct linear;
template <class... Policies>
struct relu;
template <class... Policies>
struct sigmoid;
template <class... Policies>
struct tanh;
template <class... Policies>
struct softmax;
template <class... Policies>
struct log_softmax;

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// Sizes without the batch, none of them known.
template <std::size_t Rank>
constexpr extents open_sizes() {
    extents sizes;
    sizes.rank = Rank;
    for (std::size_t axis = 0; axis < Rank; ++axis)
        sizes.sizes[axis] = dynamic;
    return sizes;
}

template <std::size_t Rank>
[[nodiscard]] extents sizes_of(std::array<std::size_t, Rank> const& shape) noexcept {
    extents sizes;
    sizes.rank = Rank - 1;
    for (std::size_t axis = 1; axis < Rank; ++axis)
        sizes.sizes[axis - 1] = shape[axis];
    return sizes;
}

/// The number of axes behind a layer, with the batch.
template <class Layer, std::size_t Rank>
inline constexpr std::size_t rank_behind = Layer::output_extents(open_sizes<Rank - 1>()).rank + 1;

template <class Parameters>
struct parameter_types;
template <class... Parameters>
struct parameter_types<hookcam::parameters<Parameters...>> {
    template <class T>
    using variables = list<variable<T, Parameters::rank>...>;
    static constexpr std::array<std::size_t, sizeof...(Parameters)> sizes{Parameters::sizes.count()...};
    static constexpr std::array<bool, sizeof...(Parameters)> learned{Parameters::is_learned...};
    static constexpr std::array<extents, sizeof...(Parameters)> extents_of{Parameters::sizes...};
};

template <class Layer, class T, std::size_t Rank, class... Parameters, std::size_t... I>
[[nodiscard]] auto run_layer(Layer const& layer, std::index_sequence<I...>, variable<T, Rank> const& x,
                             Parameters const&... parameters);

/// True where a layer's derivative depends on nothing: it can be differentiated as often as one likes.
template <class Layer>
inline constexpr bool is_affine_layer = std::is_same_v<typename Layer::backward_reads, hookcam::reads<>> &&
                                        !has_state<Layer> && Layer::parameters::count == 0;

template <class Layer, class T, std::size_t InRank, std::size_t OutRank>
[[nodiscard]] variable<T, InRank> run_adjoint(Layer const& layer,
                                              std::array<std::size_t, InRank> const& shape,
                                              variable<T, OutRank> const& grad);

/// The backward of such a layer. Its own backward is forward, less what forward makes of nothing.
template <class Layer>
struct adjoint_operation {
    static constexpr char const* name = "layer_backward";
    static constexpr unsigned reads(std::size_t) noexcept { return 0; }
    Layer layer;
    template <std::size_t, class T, std::size_t Rank>
    [[nodiscard]] auto gradient(auto const&, variable<T, Rank> const& grad) const {
        std::index_sequence<> const none;
        auto const nothing = constant_map([](T) { return T{0}; }, grad);
        return run_layer(layer, none, grad) - run_layer(layer, none, nothing);
    }
};

template <class Layer, class T, std::size_t InRank, std::size_t OutRank>
variable<T, InRank> run_adjoint(Layer const& layer, std::array<std::size_t, InRank> const& shape,
                                variable<T, OutRank> const& grad) {
    auto made = record<T, InRank>(shape, adjoint_operation<Layer>{layer}, grad);
    auto grad_x = view_of<InRank>(data_of(made), made.shape());
    if constexpr (has_scratch<Layer>) {
        call_scratch const scratch{Layer::scratch_bytes(sizes_of(shape), sizes_of(grad.shape()))};
        belongings<Layer, T const, cpu> const own{nullptr, scratch.as<void>(), nullptr};
        layer.backward(own, grad.value(), grad_x);
    } else {
        layer.backward(grad.value(), grad_x);
    }
    return made;
}

/// A layer's forward, and its backward by the same kernels as in a plan.
template <class Layer, class T, std::size_t InRank>
struct layer_operation {
    /// The layer as its user writes it, for messages.
    [[nodiscard]] static char const* name_of_type() {
        static std::string const text = Layer::type_name();
        return text.c_str();
    }
    static constexpr std::size_t parameter_count = Layer::parameters::count;
    static constexpr std::size_t out_rank = rank_behind<Layer, InRank>;
    using types = parameter_types<typename Layer::parameters>;

    static constexpr unsigned reads(std::size_t input) noexcept {
        unsigned read = input > 0 ? read_input(0) : 0;
        if (input == 0 && Layer::backward_reads::template has<hookcam::input>)
            read |= read_input(0);
        if (input == 0 && Layer::backward_reads::template has<hookcam::output>)
            read |= read_output;
        for (std::size_t i = 0; i < parameter_count; ++i)
            read |= read_input(1 + i);
        if constexpr (has_recorded_gradients<Layer>)
            read |= recorded_gradients<Layer>::reads;
        return read;
    }

    Layer layer{};
    memory<T> parameters{}; ///< one behind the other, where they did not lie so
    T const* parameters_at = nullptr;
    memory<std::byte> state{};
    std::size_t scratch_bytes = 0;

    [[nodiscard]] belongings<Layer, T const, cpu> own(call_scratch const& scratch) const noexcept {
        auto* const left = const_cast<std::byte*>(state.data());
        return {parameters_at, scratch.template as<void>(), left};
    }

    void backward(auto const& at, variable<T, out_rank> const& grad) const {
        if constexpr (is_affine_layer<Layer>) {
            if (at.template needs<0>())
                at.template deliver<0>(run_adjoint(layer, at.template shape<0>(), grad));
            return;
        }
        if constexpr (has_recorded_gradients<Layer>) {
            if (grad_is_enabled) {
                recorded_gradients<Layer>::deliver(at, layer, grad, state);
                return;
            }
        }
        if (grad_is_enabled)
            throw error{error_kind::use,
                        "hookcam::grad: the operations must be differentiable twice for create_graph, "
                        "but " +
                            Layer::type_name() + " is not; leave it out of the graph"};
        call_scratch const scratch{scratch_bytes};
        auto const grad_y = view_of<out_rank>(static_cast<T const*>(data_of(grad)), grad.shape());
        if (at.template needs<0>()) {
            auto made = variable_access::wrap(make_node<value_node<T, InRank>>(at.template shape<0>()));
            auto grad_x = view_of<InRank>(data_of(made), made.shape());
            auto const call = [&](auto const&... before) {
                if constexpr (takes_own<Layer>)
                    layer.backward(own(scratch), before..., grad_y, grad_x);
                else
                    layer.backward(before..., grad_y, grad_x);
            };
            auto const with_output = [&](auto const&... before) {
                if constexpr (Layer::backward_reads::template has<hookcam::output>)
                    call(before..., at.output().value());
                else
                    call(before...);
            };
            if constexpr (Layer::backward_reads::template has<hookcam::input>)
                with_output(at.template input<0>().value());
            else
                with_output();
            at.template deliver<0>(std::move(made));
        }
        if constexpr (Layer::parameters::any_learned)
            backward_parameters(at, grad_y, scratch, std::make_index_sequence<parameter_count>{});
    }

private:
    template <std::size_t... I>
    void backward_parameters(auto const& at, auto const& grad_y, call_scratch const& scratch,
                             std::index_sequence<I...>) const {
        std::array<bool, parameter_count> const wanted{at.template needs<I + 1>()...};
        if (std::none_of(wanted.begin(), wanted.end(), [](bool one) { return one; }))
            return;
        memory<T> gradients{Layer::parameters::size};
        belongings<Layer, T, cpu> const to{gradients.data(), scratch.template as<void>(), nullptr};
        layer.backward_parameters(own(scratch), at.template input<0>().value(), grad_y, to);
        std::size_t from = 0;
        auto const hand_out = [&](auto index) {
            constexpr std::size_t i = decltype(index)::value;
            if (wanted[i]) {
                auto const& shape = at.template shape<i + 1>();
                auto made =
                    make_node<value_node<T, std::tuple_size_v<std::remove_cvref_t<decltype(shape)>>>>(shape);
                std::copy_n(gradients.data() + from, types::sizes[i], made->data);
                at.template deliver<i + 1>(variable_access::wrap(std::move(made)));
            }
            from += types::sizes[i];
        };
        (hand_out(std::integral_constant<std::size_t, I>{}), ...);
    }
};

/// Throws unless a parameter has the shape that the layer says.
template <std::size_t Rank>
void check_parameter(std::array<std::size_t, Rank> const& shape, extents const& expected,
                     std::string const& layer) {
    bool same = expected.rank == Rank;
    for (std::size_t axis = 0; same && axis < Rank; ++axis)
        same = shape[axis] == expected[axis];
    if (!same)
        throw error{error_kind::shape, "hookcam::functional::apply: the parameters of " + layer +
                                           " must have its shapes; expected " + to_string(expected) +
                                           ", got " + shape_text(shape)};
}

template <class Layer, class T, std::size_t Rank, class... Parameters, std::size_t... I>
[[nodiscard]] auto run_layer(Layer const& layer, std::index_sequence<I...>, variable<T, Rank> const& x,
                             Parameters const&... parameters) {
    using operation = layer_operation<Layer, T, Rank>;
    using types = typename operation::types;
    auto const in = sizes_of(x.shape());
    auto const out = Layer::output_extents(in);
    (check_parameter(parameters.shape(), types::extents_of[I], Layer::type_name()), ...);
    std::array<std::size_t, operation::out_rank> shape{x.shape()[0]};
    for (std::size_t axis = 0; axis < out.rank; ++axis)
        shape[axis + 1] = out[axis];

    operation made{layer};
    if constexpr (has_scratch<Layer>)
        made.scratch_bytes = Layer::scratch_bytes(in, out);
    if constexpr (has_state<Layer>)
        if (is_recorded(x, parameters...))
            made.state = memory<std::byte>{x.shape()[0] * Layer::state_bytes(in, out)};
    if constexpr (sizeof...(Parameters) > 0) {
        std::array<T const*, sizeof...(Parameters)> const at{data_of(parameters)...};
        T const* behind = at[0];
        bool in_a_row = true;
        for (std::size_t i = 0; i < at.size(); ++i) {
            in_a_row = in_a_row && at[i] == behind;
            behind += types::sizes[i];
        }
        made.parameters_at = at[0];
        if (!in_a_row) {
            made.parameters = memory<T>{Layer::parameters::size};
            T* to = made.parameters.data();
            ((to = std::copy_n(at[I], types::sizes[I], to)), ...);
            made.parameters_at = made.parameters.data();
        }
    }
    call_scratch const scratch{made.scratch_bytes};
    auto const own = made.own(scratch);
    auto y = record<T, operation::out_rank>(shape, std::move(made), x, parameters...);
    auto const from = x.value();
    auto to = view_of<operation::out_rank>(data_of(y), y.shape());
    if constexpr (takes_own<Layer>)
        layer.forward(own, from, to);
    else
        layer.forward(from, to);
    return y;
}

/// True where a layer is given all its parameters; says so where it is not.
template <class Layer, std::size_t Given>
constexpr bool takes_parameters() {
    static_assert(
        Given == Layer::parameters::count,
        "hookcam::functional::apply: a layer must be given all its parameters, in the order of its state "
        "dict; add or take out some");
    return true;
}

/// Runs a layer: by an operation that can be differentiated twice where there is one, else by the layer's own
/// functions.
template <class Layer>
struct layer_call {
    template <class T, std::size_t Rank, class... Parameters>
    [[nodiscard]] static auto run(Layer const& layer, variable<T, Rank> const& x,
                                  Parameters const&... parameters) {
        static_assert(takes_parameters<Layer, sizeof...(Parameters)>());
        if constexpr (Layer::is_view) {
            auto const out = Layer::output_extents(sizes_of(x.shape()));
            std::array<std::size_t, rank_behind<Layer, Rank>> shape{x.shape()[0]};
            for (std::size_t axis = 0; axis < out.rank; ++axis)
                shape[axis + 1] = out[axis];
            return reshape_to(x, shape);
        } else {
            return run_layer(layer, std::index_sequence_for<Parameters...>{}, x, parameters...);
        }
    }
};
template <std::size_t In, std::size_t Out, class... Policies>
struct layer_call<hookcam::linear<In, Out, Policies...>> {
    using layer_type = hookcam::linear<In, Out, Policies...>;
    template <class T, class... Bias>
    [[nodiscard]] static auto run(layer_type const&, variable<T, 2> const& x, variable<T, 2> const& weight,
                                  Bias const&... bias) {
        static_assert(takes_parameters<layer_type, 1 + sizeof...(Bias)>());
        check_parameter(weight.shape(), extents{Out, In}, layer_type::type_name());
        (check_parameter(bias.shape(), extents{Out}, layer_type::type_name()), ...);
        return transform_linearly(x, weight, bias...);
    }
};
template <std::size_t In, std::size_t Out, class... Policies>
struct layer_call<hookcam::conv2d<In, Out, Policies...>> {
    using layer_type = hookcam::conv2d<In, Out, Policies...>;
    template <class T, class... Bias>
    [[nodiscard]] static auto run(layer_type const&, variable<T, 4> const& x, variable<T, 4> const& weight,
                                  Bias const&... bias) {
        using windows = typename layer_type::windows;
        static_assert(takes_parameters<layer_type, 1 + sizeof...(Bias)>());
        check_parameter(weight.shape(), layer_type::weight::sizes, layer_type::type_name());
        (check_parameter(bias.shape(), extents{Out}, layer_type::type_name()), ...);
        (void)layer_type::output_extents(sizes_of(x.shape())); // says what is wrong with the input
        return convolve(conv2d_arguments(x.shape(), weight.shape(), layer_type::group_count, windows::rows,
                                         windows::columns),
                        x, weight, bias...);
    }
};

/// The backward of a convolution with respect to its input, and a bias.
template <std::size_t In, std::size_t Out, class... Policies>
struct layer_call<hookcam::conv_transpose2d<In, Out, Policies...>> {
    using layer_type = hookcam::conv_transpose2d<In, Out, Policies...>;
    template <class T, class... Bias>
    [[nodiscard]] static auto run(layer_type const&, variable<T, 4> const& x, variable<T, 4> const& weight,
                                  Bias const&... bias) {
        using windows = typename layer_type::windows;
        static_assert(takes_parameters<layer_type, 1 + sizeof...(Bias)>());
        check_parameter(weight.shape(), layer_type::weight::sizes, layer_type::type_name());
        (check_parameter(bias.shape(), extents{Out}, layer_type::type_name()), ...);
        auto const out = layer_type::output_extents(sizes_of(x.shape()));
        kernels::conv2d_parameters const of{
            x.shape()[0], Out,          In,           layer_type::group_count, out[1],
            out[2],       x.shape()[2], x.shape()[3], windows::rows,           windows::columns};
        auto const y = convolve_back(of, x, weight);
        return (y + ... + reshape_to(bias, std::array<std::size_t, 3>{Out, 1, 1}));
    }
};

template <class... Policies>
struct layer_call<hookcam::relu<Policies...>> {
    template <class Variable>
    [[nodiscard]] static auto run(hookcam::relu<Policies...> const&, Variable const& x) {
        return functional::relu(x);
    }
};
template <class... Policies>
struct layer_call<hookcam::sigmoid<Policies...>> {
    template <class Variable>
    [[nodiscard]] static auto run(hookcam::sigmoid<Policies...> const&, Variable const& x) {
        return functional::sigmoid(x);
    }
};
template <class... Policies>
struct layer_call<hookcam::tanh<Policies...>> {
    template <class Variable>
    [[nodiscard]] static auto run(hookcam::tanh<Policies...> const&, Variable const& x) {
        return functional::tanh(x);
    }
};
template <class... Policies>
struct layer_call<hookcam::softmax<Policies...>> {
    template <class Variable>
    [[nodiscard]] static auto run(hookcam::softmax<Policies...> const&, Variable const& x) {
        return functional::softmax<1>(x);
    }
};
template <class... Policies>
struct layer_call<hookcam::log_softmax<Policies...>> {
    template <class Variable>
    [[nodiscard]] static auto run(hookcam::log_softmax<Policies...> const&, Variable const& x) {
        return functional::log_softmax<1>(x);
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

namespace functional {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// Runs a layer, one of the library's or of your own, on a batch, with its parameters in the order of its state
/// dict: `apply<hc::batch_norm2d<8>>(x, weight, bias, running_mean, running_var)`. Forward and backward are the
/// layer's own, as a plan runs them.
template <class Layer, class T, std::size_t Rank, class... Parameters>
    requires(Rank >= 2 && (std::is_same_v<typename Parameters::value_type, T> && ...))
[[nodiscard]] auto apply(variable<T, Rank> const& x, Parameters const&... parameters) {
    return detail::layer_call<Layer>::run(Layer{}, x, parameters...);
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace functional

} // namespace hookcam
