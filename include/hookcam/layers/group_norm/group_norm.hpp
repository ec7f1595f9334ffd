#pragma once

#include "../measured_norm.hpp"

#include <cstddef>

namespace hookcam {

/// Normalizes groups of channels of each input apart: images N,C,H,W or feature vectors N,C keep their shape,
/// and y = (x − mean) / sqrt(variance + eps)·weight + bias, with mean and biased variance over a group's channels
/// and pixels, and weight and bias of C elements. Wu, He, "Group normalization" (2018). PyTorch's
/// `GroupNorm(Groups, Channels)`.
///
/// Policies: `eps` (else 1e-5), `no_affine`.
template <std::size_t Groups, std::size_t Channels, class... Policies>
struct group_norm
    : detail::measured_norm<group_norm<Groups, Channels, Policies...>,
                            detail::weight_and_bias<detail::is_affine<affine, Policies...>, Channels>,
                            Policies...> {
    static_assert(
        detail::check_policies<group_norm, detail::list<policy::eps, policy::affine>, Policies...>::value);
    static constexpr bool divides(std::size_t count, std::size_t channels) {
        return count > 0 && channels > 0 && channels % count == 0;
    }
    static_assert(divides(Groups, Channels),
                  "hookcam::group_norm: the groups must divide the channels; choose another number");
    static_assert(group_norm::epsilon >= 0,
                  "hookcam::group_norm: eps must not be negative; PyTorch's default is 1e-5");

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        require(in.rank == 3 || in.rank == 1,
                "hookcam::group_norm: the input must be images or feature vectors; give one of them", in);
        require(
            in[0] == Channels || in[0] == dynamic,
            "hookcam::group_norm: the input must have as many channels as the layer's second argument says; "
            "correct one of them",
            in);
        auto out = in;
        out.sizes[0] = Channels;
        return out;
    }

    [[nodiscard]] static constexpr std::size_t groups_in(extents const&) noexcept { return Groups; }

    [[nodiscard]] static kernels::group_norm_parameters arguments(auto const& x) {
        kernels::group_norm_parameters of{x.shape()[0], Channels, 1, Groups, group_norm::epsilon};
        for (std::size_t axis = 2; axis < x.dimension(); ++axis)
            of.plane *= x.shape()[axis];
        return of;
    }
};

} // namespace hookcam
