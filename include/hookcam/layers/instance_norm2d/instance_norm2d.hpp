#pragma once

#include "../measured_norm.hpp"

#include <cstddef>

namespace hookcam {

/// Normalizes each channel of each image by itself: N,C,H,W keeps its shape, and
/// y = (x − mean) / sqrt(variance + eps), with mean and biased variance over a channel's pixels. Ulyanov et al.,
/// "Instance normalization: the missing ingredient for fast stylization" (2016). As in PyTorch it has no weight
/// and bias unless `affine` asks for them, and measures in inference too. One that was trained with
/// `track_running_stats=True` is in inference a `batch_norm2d`, with `no_affine` where it has no weight.
///
/// Policies: `eps` (else 1e-5), `affine`.
template <std::size_t Channels, class... Policies>
struct instance_norm2d
    : detail::measured_norm<instance_norm2d<Channels, Policies...>,
                            detail::weight_and_bias<detail::is_affine<no_affine, Policies...>, Channels>,
                            Policies...> {
    static_assert(detail::check_policies<instance_norm2d, detail::list<policy::eps, policy::affine>,
                                         Policies...>::value);
    static_assert(Channels > 0,
                  "hookcam::instance_norm2d: must have at least one channel; give their number");
    static_assert(instance_norm2d::epsilon >= 0,
                  "hookcam::instance_norm2d: eps must not be negative; PyTorch's default is 1e-5");

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        require(in.rank == 3,
                "hookcam::instance_norm2d: the input must be images; put the layer in front of flatten<>",
                in);
        require(
            in[0] == Channels || in[0] == dynamic,
            "hookcam::instance_norm2d: the input must have as many channels as the layer's first argument "
            "says; correct one of them",
            in);
        require(in[1] > 1 || in[2] > 1,
                "hookcam::instance_norm2d: a channel must have more than one pixel; give larger images", in);
        return extents{Channels, in[1], in[2]};
    }

    [[nodiscard]] static constexpr std::size_t groups_in(extents const&) noexcept { return Channels; }

    [[nodiscard]] static kernels::group_norm_parameters arguments(auto const& x) {
        return {x.shape()[0], Channels, x.shape()[2] * x.shape()[3], Channels, instance_norm2d::epsilon};
    }
};

} // namespace hookcam
