#pragma once

#include "../batch_norm.hpp"

#include <cstddef>

namespace hookcam {

/// Batch norm of feature vectors as inference runs it: N,C keeps its shape, and each feature is scaled and
/// shifted as `batch_norm2d` does with a channel.
///
/// Policies: `eps` (else 1e-5), `momentum` (of training, else 0.1), `no_affine`.
template <std::size_t Features, class... Policies>
struct batch_norm1d : detail::batch_norm<batch_norm1d<Features, Policies...>, Features, Policies...> {
    static_assert(
        detail::check_policies<batch_norm1d, detail::list<policy::eps, policy::momentum, policy::affine>,
                               Policies...>::value);
    static_assert(Features > 0, "hookcam::batch_norm1d: must have at least one feature; give their number");
    static_assert(batch_norm1d::epsilon >= 0,
                  "hookcam::batch_norm1d: eps must not be negative; PyTorch's default is 1e-5");
    static_assert(batch_norm1d::update_share >= 0 && batch_norm1d::update_share <= 1,
                  "hookcam::batch_norm1d: momentum must be from 0 to 1; PyTorch's default is 0.1");

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        require(in.rank == 1,
                "hookcam::batch_norm1d: the input must be feature vectors; put flatten<> in front of it, or "
                "take batch_norm2d",
                in);
        require(
            in[0] == Features || in[0] == dynamic,
            "hookcam::batch_norm1d: the input must have as many features as the layer's first argument says; "
            "correct one of them",
            in);
        return extents{Features};
    }
};

} // namespace hookcam
