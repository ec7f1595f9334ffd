#pragma once

#include "../../layers/layer.hpp"
#include "../../tensor/memory.hpp"
#include "elementwise.hpp"
#include "reduce.hpp"
#include "shape.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <numbers>
#include <type_traits>
#include <utility>

namespace hookcam {

template <std::size_t Kernel, class... Policies>
struct max_pool2d;
template <std::size_t Height, std::size_t Width, class... Policies>
struct adaptive_max_pool2d;

namespace kernels {
struct elu;
struct gelu;
struct gelu_by_tanh;
struct hardswish;
struct leaky_relu;
struct relu6;
struct silu;
} // namespace kernels

namespace detail {

template <class Derived, std::size_t Channels, class... Policies>
struct batch_norm;
template <class Derived, class Affine, class... Policies>
struct measured_norm;

inline namespace HOOKCAM_INSTRUCTION_SET {

// The gradients of layers, written with operations on variables: for passes that record what they compute. Elsewhere the
// layers' own kernels do it.

/// `deliver(at, layer, grad, state)` hands the layer's inputs their gradients; `reads`, of which values beside what the
/// layer's backward reads. A layer for which there is none cannot be differentiated twice.
template <class Layer>
struct recorded_gradients;

template <class Layer>
concept has_recorded_gradients = requires {
    recorded_gradients<Layer>::reads;
};

// ---------------------------------------------------------------------------------------------- activations

/// Φ(x), the normal distribution's.
struct normal_distribution {
    static constexpr char const* name = "normal_distribution";
    static constexpr auto reads_from = reading::input;
    template <class T>
    [[nodiscard]] T value(T x) const noexcept {
        return T(0.5) * (T{1} + std::erf(x / std::numbers::sqrt2_v<T>));
    }
    template <class V>
    [[nodiscard]] V derivative(V const& x) const {
        using std::exp;
        return exp(x * x * -0.5) * (0.5 * std::numbers::inv_sqrtpi * std::numbers::sqrt2);
    }
};

/// The derivative of an activation as a variable; `read` is its input or its output, as the layer's backward reads.
template <class Function, class V>
[[nodiscard]] V slope_of(Function const& function, V const& read) {
    using T = typename V::value_type;
    if constexpr (std::is_same_v<Function, kernels::elu>) {
        auto const is_below = stepwise([](T y) { return y <= T{0} ? T{1} : T{0}; }, read);
        return is_below * (read + function.alpha) + (1 - is_below);
    } else if constexpr (std::is_same_v<Function, kernels::silu>) {
        auto const s = functional::sigmoid(read);
        return s * (1 + read * (1 - s));
    } else if constexpr (std::is_same_v<Function, kernels::gelu>) {
        normal_distribution const distribution;
        return map(distribution, read) + read * distribution.derivative(read);
    } else if constexpr (std::is_same_v<Function, kernels::gelu_by_tanh>) {
        constexpr double factor = std::numbers::sqrt2 * std::numbers::inv_sqrtpi, cubic = 0.044715;
        auto const squared = read * read;
        auto const t = functional::tanh(factor * (read + cubic * squared * read));
        return 0.5 * (1 + t + read * (1 - t * t) * (factor * (1 + 3 * cubic * squared)));
    } else if constexpr (std::is_same_v<Function, kernels::hardswish>) {
        auto const between = stepwise([](T x) { return x > T{-3} && x < T{3} ? T{1} : T{0}; }, read);
        auto const above = stepwise([](T x) { return x >= T{3} ? T{1} : T{0}; }, read);
        return between * (read / 3 + 0.5) + above;
    } else {
        return stepwise([&function](T of) { return function.derivative(of); }, read); // it has steps only
    }
}

template <class Function, class... Known>
inline constexpr bool is_one_of = (false || ... || std::is_same_v<Function, Known>);

template <class Layer>
concept an_activation =
    is_one_of<std::remove_cvref_t<decltype(Layer::function)>, kernels::elu, kernels::silu, kernels::gelu,
              kernels::gelu_by_tanh, kernels::hardswish, kernels::leaky_relu, kernels::relu6>;

template <class Layer>
    requires an_activation<Layer>
struct recorded_gradients<Layer> {
    static constexpr unsigned reads = 0;
    static void deliver(auto const& at, Layer const&, auto const& grad, memory<std::byte> const&) {
        if (!at.template needs<0>())
            return;
        if constexpr (Layer::backward_reads::template has<hookcam::input>)
            at.template deliver<0>(grad * slope_of(Layer::function, at.template input<0>()));
        else
            at.template deliver<0>(grad * slope_of(Layer::function, at.output()));
    }
};

// ---------------------------------------------------------------------------------------------------- norms

template <class Derived, std::size_t Channels, class... Policies>
std::true_type derives_from_batch_norm(batch_norm<Derived, Channels, Policies...> const&);
template <class Derived, class Affine, class... Policies>
std::true_type derives_from_measured_norm(measured_norm<Derived, Affine, Policies...> const&);

/// x = (input − mean) / √(variance + eps) with running statistics, which have no gradient; y = x·weight + bias.
template <class Layer>
    requires requires(Layer const& layer) {
        derives_from_batch_norm(layer);
    }
struct recorded_gradients<Layer> {
    static constexpr unsigned reads = 0;
    template <class T, std::size_t Rank>
    static void deliver(auto const& at, Layer const&, variable<T, Rank> const& grad,
                        memory<std::byte> const&) {
        constexpr std::size_t statistics = Layer::is_affine ? 3 : 1;
        std::array<std::size_t, Rank> per_channel{};
        per_channel.fill(1);
        per_channel[1] = Layer::channels;
        std::array<std::size_t, 1> const flat{Layer::channels};
        auto const inverse =
            1 / functional::sqrt(reshape_to(at.template input<statistics + 1>(), per_channel).detach() +
                                 Layer::epsilon);
        if constexpr (Layer::is_affine) {
            if (at.template needs<0>())
                at.template deliver<0>(grad * (reshape_to(at.template input<1>(), per_channel) * inverse));
            if (at.template needs<1>()) {
                auto const mean = reshape_to(at.template input<statistics>(), per_channel).detach();
                at.template deliver<1>(reshape_to(
                    sum_to(grad * ((at.template input<0>() - mean) * inverse), per_channel), flat));
            }
            if (at.template needs<2>())
                at.template deliver<2>(reshape_to(sum_to(grad, per_channel), flat));
        } else if (at.template needs<0>()) {
            at.template deliver<0>(grad * inverse);
        }
        auto const nothing = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
            if (at.template needs<I>())
                at.template deliver<I>(constant_map([](T) { return T{0}; }, at.template input<I>()));
        };
        nothing(std::integral_constant<std::size_t, statistics>{});
        nothing(std::integral_constant<std::size_t, statistics + 1>{});
    }
};

/// The same with statistics that are measured over groups of the input's channels: these depend on it too.
template <class Layer>
    requires requires(Layer const& layer) {
        derives_from_measured_norm(layer);
    }
struct recorded_gradients<Layer> {
    static constexpr unsigned reads = read_input(0);
    template <class T, std::size_t Rank>
    static void deliver(auto const& at, Layer const&, variable<T, Rank> const& grad,
                        memory<std::byte> const&) {
        auto const x = at.template input<0>();
        auto const of = Layer::arguments(x.value());
        std::array<std::size_t, 2> const in_groups{of.batch * of.groups, of.channels / of.groups * of.plane};
        std::array<std::size_t, 3> const in_channels{of.batch, of.channels, of.plane},
            along{1, of.channels, 1};
        auto const rows = reshape_to(x, in_groups);
        auto const centred = rows - functional::mean<1>(rows, keep_dims);
        auto const inverse =
            1 /
            functional::sqrt(functional::mean<1>(functional::square(centred), keep_dims) + Layer::epsilon);
        auto const normal = centred * inverse;
        auto const slope = reshape_to(grad, in_channels);
        if (at.template needs<0>()) {
            auto weighted = slope;
            if constexpr (Layer::has_weight)
                weighted = slope * reshape_to(at.template input<1>(), along);
            auto const g = reshape_to(weighted, in_groups);
            auto const to_rows = inverse * (g - functional::mean<1>(g, keep_dims) -
                                            normal * functional::mean<1>(g * normal, keep_dims));
            at.template deliver<0>(reshape_to(to_rows, x.shape()));
        }
        if constexpr (Layer::has_weight)
            if (at.template needs<1>())
                at.template deliver<1>(reshape_to(sum_to(slope * reshape_to(normal, in_channels), along),
                                                  at.template shape<1>()));
        if constexpr (Layer::has_bias)
            if (at.template needs<2>())
                at.template deliver<2>(reshape_to(sum_to(slope, along), at.template shape<2>()));
    }
};

// --------------------------------------------------------------------------------------------- max pooling

/// For each element of a plane of outputs, the element of the plane of inputs that was chosen; −1 for none.
using chosen_elements = std::shared_ptr<memory<std::int32_t> const>;

template <class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> scatter_chosen(chosen_elements const& chosen, variable<T, Rank> const& y,
                                               std::array<std::size_t, Rank> const& shape);
template <class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> gather_chosen(chosen_elements const& chosen, variable<T, Rank> const& x,
                                              std::array<std::size_t, Rank> const& shape);

struct scatter_chosen_operation {
    static constexpr char const* name = "max_pool2d_backward";
    static constexpr unsigned reads(std::size_t) noexcept { return 0; }
    chosen_elements chosen;
    template <std::size_t>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        return gather_chosen(chosen, grad, at.template shape<0>());
    }
};
struct gather_chosen_operation {
    static constexpr char const* name = "max_pool2d";
    static constexpr unsigned reads(std::size_t) noexcept { return 0; }
    chosen_elements chosen;
    template <std::size_t>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        return scatter_chosen(chosen, grad, at.template shape<0>());
    }
};

/// Calls `function(output, input)` with the places of each output that chose one.
template <std::size_t Rank, class Function>
void for_each_chosen(memory<std::int32_t> const& chosen, std::array<std::size_t, Rank> const& outputs,
                     std::array<std::size_t, Rank> const& inputs, Function const& function) {
    std::size_t const out_plane = outputs[Rank - 2] * outputs[Rank - 1];
    std::size_t const in_plane = inputs[Rank - 2] * inputs[Rank - 1];
    for (std::size_t i = 0; i < chosen.size(); ++i)
        if (auto const at = chosen.data()[i]; at >= 0)
            function(i, i / out_plane * in_plane + static_cast<std::size_t>(at));
}

template <class T, std::size_t Rank>
variable<T, Rank> scatter_chosen(chosen_elements const& chosen, variable<T, Rank> const& y,
                                 std::array<std::size_t, Rank> const& shape) {
    auto made = record<T, Rank>(shape, scatter_chosen_operation{chosen}, y);
    auto* const to = data_of(made);
    auto const* const from = data_of(y);
    std::fill_n(to, made.size(), T{0});
    for_each_chosen(*chosen, y.shape(), shape, [&](std::size_t out, std::size_t in) { to[in] += from[out]; });
    return made;
}
template <class T, std::size_t Rank>
variable<T, Rank> gather_chosen(chosen_elements const& chosen, variable<T, Rank> const& x,
                                std::array<std::size_t, Rank> const& shape) {
    auto made = record<T, Rank>(shape, gather_chosen_operation{chosen}, x);
    auto* const to = data_of(made);
    auto const* const from = data_of(x);
    std::fill_n(to, made.size(), T{0});
    for_each_chosen(*chosen, shape, x.shape(), [&](std::size_t out, std::size_t in) { to[out] = from[in]; });
    return made;
}

/// Whatever is chosen stays so: the gradient is moved to where it came from.
template <class Layer>
struct recorded_max_pool {
    static constexpr unsigned reads = 0;
    static void deliver(auto const& at, Layer const&, auto const& grad, memory<std::byte> const& state) {
        if (!at.template needs<0>())
            return;
        auto chosen = std::make_shared<memory<std::int32_t>>(grad.size());
        std::memcpy(chosen->data(), state.data(), grad.size() * sizeof(std::int32_t));
        at.template deliver<0>(
            scatter_chosen(chosen_elements{std::move(chosen)}, grad, at.template shape<0>()));
    }
};
template <std::size_t Kernel, class... Policies>
struct recorded_gradients<max_pool2d<Kernel, Policies...>>
    : recorded_max_pool<max_pool2d<Kernel, Policies...>> {};
template <std::size_t Height, std::size_t Width, class... Policies>
struct recorded_gradients<adaptive_max_pool2d<Height, Width, Policies...>>
    : recorded_max_pool<adaptive_max_pool2d<Height, Width, Policies...>> {};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

} // namespace hookcam
