#pragma once

#include "../pool2d.hpp"
#include "adaptive_avg_pool2d_cpu.hpp"

#include <cstddef>

namespace hookcam {

/// The means of Height × Width parts of each channel, whatever the input's size: N,C,H,W becomes
/// N,C,Height,Width. Parts overlap where the sizes do not divide, as in PyTorch.
template <std::size_t Height, std::size_t Width = Height, class... Policies>
struct adaptive_avg_pool2d : layer<adaptive_avg_pool2d<Height, Width, Policies...>, Policies...> {
    static_assert(detail::check_policies<adaptive_avg_pool2d, detail::list<>, Policies...>::value);
    static_assert(
        Height > 0 && Width > 0,
        "hookcam::adaptive_avg_pool2d: must make at least one row and one column; give sizes above zero");

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        return detail::parted<Height, Width>(
            in, "hookcam::adaptive_avg_pool2d: the input must be images; put the layer in front of flatten<>",
            "hookcam::adaptive_avg_pool2d: the input must have at least one row and one column; give a "
            "larger one");
    }

    void forward(auto const& x, auto& y) const {
        kernels::adaptive_avg_pool2d(device_of(x), detail::pool2d_sizes(x, y), x.data(), y.data());
    }

    void backward(auto const& grad_y, auto& grad_x) const {
        kernels::adaptive_avg_pool2d_backward(device_of(grad_y), detail::pool2d_sizes(grad_x, grad_y),
                                              grad_y.data(), grad_x.data());
    }
};

/// The mean of each channel: N,C,H,W becomes N,C,1,1. PyTorch's `AdaptiveAvgPool2d(1)`.
template <class... Policies>
using global_avg_pool2d = adaptive_avg_pool2d<1, 1, Policies...>;

} // namespace hookcam
