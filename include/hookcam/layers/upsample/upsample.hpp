#pragma once

#include "../../core/instruction_set.hpp"
#include "../blocked_map.hpp"
#include "../layer.hpp"
#include "upsample_cpu.hpp"
#include "upsample_cuda.hpp"

#include <cstddef>

namespace hookcam {

namespace policy {
struct interpolation {};
} // namespace policy

/// Interpolates between the four nearest pixels, whose centres keep their places: PyTorch's `mode='bilinear'`
/// with `align_corners=False`.
struct bilinear {
    using kind = policy::interpolation;
};

/// Enlarges each channel: N,C,H,W becomes N,C,Scale·H,Scale·W. Repeats the nearest pixel, as PyTorch's
/// `Upsample(scale_factor=Scale)`, or interpolates.
///
/// Policies: `bilinear`.
template <std::size_t Scale, class... Policies>
struct upsample : layer<upsample<Scale, Policies...>, Policies...> {
    static_assert(detail::check_policies<upsample, detail::list<policy::interpolation>, Policies...>::value);
    static_assert(Scale > 0, "hookcam::upsample: the scale must be at least one; give a larger one");
    static constexpr bool is_bilinear = detail::has_policy<policy::interpolation, Policies...>;
    static constexpr bool has_device_kernels = true;

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        require(in.rank == 3,
                "hookcam::upsample: the input must be images; put the layer in front of flatten<>", in);
        return extents{in[0], scaled(in[1]), scaled(in[2])};
    }

    template <class Set = detail::instruction_set>
    void forward(auto const& x, auto& y) const {
        if constexpr (is_bilinear)
            kernels::upsample_bilinear(device_of(x), arguments(x), x.data(), y.data());
        else
            kernels::upsample_nearest(device_of(x), arguments(x), x.data(), y.data());
    }

    template <class Set = detail::instruction_set>
    void backward(auto const& grad_y, auto& grad_x) const {
        if constexpr (is_bilinear)
            kernels::upsample_bilinear_backward(device_of(grad_y), arguments(grad_x), grad_y.data(),
                                                grad_x.data());
        else
            kernels::upsample_nearest_backward(device_of(grad_y), arguments(grad_x), grad_y.data(),
                                               grad_x.data());
    }

private:
    static constexpr std::size_t scaled(std::size_t size) { return size == dynamic ? dynamic : Scale * size; }
    static kernels::upsample_parameters arguments(auto const& x) {
        return {x.shape()[0] * x.shape()[1], x.shape()[2], x.shape()[3], Scale};
    }
};

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// Where the nearest pixel is repeated.
template <std::size_t Scale, class... Policies>
    requires(!upsample<Scale, Policies...>::is_bilinear)
struct blocked_map<upsample<Scale, Policies...>> {
    static constexpr bool exists = true;
    static constexpr bool is_by_planes = true;

    template <class T>
    static void run(cpu, std::size_t batch, blocked_layout const& in, blocked_layout const& out, T const* x,
                    T* y) {
        for_each_plane_of_both(in, out, batch, x, y, [&](T const* from, T* to) {
            for (std::size_t i = 0; i < out.height; ++i)
                for (std::size_t j = 0; j < out.width; ++j)
                    store(to + i * out.row() + j * out.block,
                          load(from + i / Scale * in.row() + j / Scale * in.block));
        });
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

} // namespace hookcam
