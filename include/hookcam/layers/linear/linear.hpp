#pragma once

#include "../layer.hpp"
#include "linear_cpu.hpp"

#include <type_traits>

namespace hookcam {

/// y = x·Wᵀ + b for feature vectors: N,In becomes N,Out. W is Out×In, b has Out elements.
/// Policies: `no_bias`.
template <std::size_t In, std::size_t Out, class... Policies>
struct linear : layer<linear<In, Out, Policies...>, Policies...> {
    static_assert(detail::check_policies<linear, detail::list<policy::bias>, Policies...>::value);
    static_assert(In > 0 && Out > 0,
                  "hookcam::linear: must have at least one input and one output; give both counts");

    static constexpr bool has_bias = !detail::has_policy<policy::bias, Policies...>;
    using parameters =
        std::conditional_t<has_bias,
                           hookcam::parameters<parameter<"weight", Out, In>, parameter<"bias", Out>>,
                           hookcam::parameters<parameter<"weight", Out, In>>>;

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        require(in.rank == 1,
                "hookcam::linear: the input must be feature vectors; put flatten<> in front of it", in);
        require(in[0] == In || in[0] == dynamic,
                "hookcam::linear: the input must have as many features as the layer's first argument says; "
                "correct one of them",
                in);
        return extents{Out};
    }

    void forward(auto const& own, auto const& x, auto& y) const {
        kernels::linear(device_of(x), x.shape()[0], In, Out, x.data(), get<"weight">(own).data(),
                        detail::data_or_null<"bias">(own), y.data());
    }

    void backward(auto const& own, auto const& grad_y, auto& grad_x) const {
        kernels::linear_backward(device_of(grad_y), grad_y.shape()[0], In, Out, grad_y.data(),
                                 get<"weight">(own).data(), grad_x.data());
    }

    void backward_parameters(auto const&, auto const& x, auto const& grad_y, auto const& gradients) const {
        kernels::linear_backward_parameters(device_of(x), x.shape()[0], In, Out, x.data(), grad_y.data(),
                                            get<"weight">(gradients).data(),
                                            detail::data_or_null<"bias">(gradients));
    }
};

} // namespace hookcam
