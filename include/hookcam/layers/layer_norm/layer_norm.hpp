#pragma once

#include "../measured_norm.hpp"

#include <cstddef>
#include <type_traits>

namespace hookcam {

namespace detail {

/// The parameters of a layer norm: none, a weight, or a weight and a bias, of the shape that is normalized.
template <class Shape, class... Policies>
struct layer_norm_parameters;
template <std::size_t... Sizes, class... Policies>
struct layer_norm_parameters<shape<Sizes...>, Policies...> {
    using type = std::conditional_t<has_policy<policy::bias, Policies...> && is_affine<affine, Policies...>,
                                    hookcam::parameters<initially_one<parameter<"weight", Sizes...>>>,
                                    weight_and_bias<is_affine<affine, Policies...>, Sizes...>>;
};

} // namespace detail

/// Normalizes over the last axes, those of `Shape`: `layer_norm<features<N>>` over a feature vector,
/// `layer_norm<image<C, H, W>>` over a whole image, `layer_norm<shape<H, W>>` over each of its channels. The
/// input keeps its shape, and y = (x − mean) / sqrt(variance + eps)·weight + bias, with the biased variance, and
/// weight and bias of that shape. Ba et al., "Layer normalization" (2016). PyTorch's `LayerNorm(Shape)`.
///
/// Policies: `eps` (else 1e-5), `no_affine`, `no_bias`.
template <class Shape, class... Policies>
struct layer_norm
    : detail::measured_norm<layer_norm<Shape, Policies...>,
                            typename detail::layer_norm_parameters<Shape, Policies...>::type, Policies...> {
    static_assert(detail::check_policies<layer_norm, detail::list<policy::eps, policy::affine, policy::bias>,
                                         Policies...>::value);
    static_assert(Shape::value.is_known() && Shape::value.count() > 0,
                  "hookcam::layer_norm: the shape must be known and not empty; give every size");
    static_assert(layer_norm::epsilon >= 0,
                  "hookcam::layer_norm: eps must not be negative; PyTorch's default is 1e-5");

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        auto out = in;
        bool fits = in.rank >= Shape::rank;
        for (std::size_t axis = 0; fits && axis < Shape::rank; ++axis) {
            auto& size = out.sizes[in.rank - Shape::rank + axis];
            fits = size == Shape::value[axis] || size == dynamic;
            size = Shape::value[axis];
        }
        require(fits,
                "hookcam::layer_norm: the input's last sizes must be those of the layer's first argument; "
                "correct one of them",
                in);
        return out;
    }

    /// Each of them is an input of one group to the kernels.
    [[nodiscard]] static constexpr std::size_t groups_in(extents const& in) noexcept {
        std::size_t groups = 1;
        for (std::size_t axis = 0; axis + Shape::rank < in.rank; ++axis)
            groups *= in[axis];
        return groups;
    }

    /// Every element of the shape has a weight of its own: it is a channel of one pixel.
    [[nodiscard]] static kernels::group_norm_parameters arguments(auto const& x) {
        return {x.size() / Shape::value.count(), Shape::value.count(), 1, 1, layer_norm::epsilon};
    }
};

} // namespace hookcam
