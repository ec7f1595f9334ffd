#pragma once

#include "../batch_norm.hpp"

#include <cstddef>

namespace hookcam {

/// Batch norm as inference runs it, with the statistics that training measured: N,C,H,W keeps its shape, and
/// y = x·scale + shift in each channel with scale = weight / sqrt(running_var + eps) and
/// shift = bias − running_mean·scale.
///
/// Policies: `eps` (else 1e-5), `momentum` (of training, else 0.1), `no_affine`.
template <std::size_t Channels, class... Policies>
struct batch_norm2d : detail::batch_norm<batch_norm2d<Channels, Policies...>, Channels, Policies...> {
    static_assert(
        detail::check_policies<batch_norm2d, detail::list<policy::eps, policy::momentum, policy::affine>,
                               Policies...>::value);
    static_assert(Channels > 0, "hookcam::batch_norm2d: must have at least one channel; give their number");
    static_assert(batch_norm2d::epsilon >= 0,
                  "hookcam::batch_norm2d: eps must not be negative; PyTorch's default is 1e-5");
    static_assert(batch_norm2d::update_share >= 0 && batch_norm2d::update_share <= 1,
                  "hookcam::batch_norm2d: momentum must be from 0 to 1; PyTorch's default is 0.1");

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        require(in.rank == 3,
                "hookcam::batch_norm2d: the input must be images; put the layer in front of flatten<>", in);
        require(
            in[0] == Channels || in[0] == dynamic,
            "hookcam::batch_norm2d: the input must have as many channels as the layer's first argument says; "
            "correct one of them",
            in);
        return extents{Channels, in[1], in[2]};
    }
};

namespace detail {

template <std::size_t Channels, class... Policies>
inline constexpr auto fuses_as<batch_norm2d<Channels, Policies...>> = fusion::scale_and_shift;

} // namespace detail

} // namespace hookcam
