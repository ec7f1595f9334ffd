#pragma once

#include "../pool2d.hpp"
#include "adaptive_max_pool2d_cpu.hpp"
#include "adaptive_max_pool2d_cuda.hpp"

#include <cstddef>
#include <cstdint>

namespace hookcam {

/// The largest elements of Height × Width parts of each channel, whatever the input's size: N,C,H,W becomes
/// N,C,Height,Width. Parts overlap where the sizes do not divide, NaN passes, and the gradient goes to the
/// first of equals, as in PyTorch.
template <std::size_t Height, std::size_t Width = Height, class... Policies>
struct adaptive_max_pool2d : layer<adaptive_max_pool2d<Height, Width, Policies...>, Policies...> {
    static_assert(detail::check_policies<adaptive_max_pool2d, detail::list<>, Policies...>::value);
    static_assert(
        Height > 0 && Width > 0,
        "hookcam::adaptive_max_pool2d: must make at least one row and one column; give sizes above zero");

    static constexpr bool has_device_kernels = true;

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        return detail::parted<Height, Width>(
            in, "hookcam::adaptive_max_pool2d: the input must be images; put the layer in front of flatten<>",
            "hookcam::adaptive_max_pool2d: the input must have at least one row and one column; give a "
            "larger one");
    }

    /// For each output element the index of the chosen one.
    [[nodiscard]] static constexpr std::size_t state_bytes(extents const&, extents const& out) noexcept {
        return out.count() * sizeof(std::int32_t);
    }

    void forward(auto const& own, auto const& x, auto& y) const {
        kernels::adaptive_max_pool2d(device_of(x), detail::pool2d_sizes(x, y), x.data(), y.data(),
                                     static_cast<std::int32_t*>(own.state));
    }

    void backward(auto const& own, auto const& grad_y, auto& grad_x) const {
        kernels::adaptive_max_pool2d_backward(device_of(grad_y), detail::pool2d_sizes(grad_x, grad_y),
                                              static_cast<std::int32_t const*>(own.state), grad_y.data(),
                                              grad_x.data());
    }
};

/// The largest element of each channel: N,C,H,W becomes N,C,1,1. PyTorch's `AdaptiveMaxPool2d(1)`.
template <class... Policies>
using global_max_pool2d = adaptive_max_pool2d<1, 1, Policies...>;

namespace detail {

template <std::size_t Height, std::size_t Width, class... Policies>
inline constexpr bool hands_zeros_on<adaptive_max_pool2d<Height, Width, Policies...>> = true;

} // namespace detail

} // namespace hookcam
