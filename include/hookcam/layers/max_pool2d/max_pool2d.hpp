#pragma once

#include "../blocked_map.hpp"
#include "../pool2d.hpp"
#include "../pool2d_blocked_cpu.hpp"
#include "max_pool2d_cpu.hpp"
#include "max_pool2d_cuda.hpp"

#include <cstddef>
#include <cstdint>

namespace hookcam {

/// The largest element of each window of a channel: N,C,H,W becomes N,C,H',W'. `max_pool2d<2>` has square
/// windows of two rows and columns, each beside the last; `max_pool2d<3, kernel<3, 2>>` has rectangular ones
/// (the first argument is their height). Padding counts as minus infinity, NaN passes, and the gradient goes
/// to the first of equals, as in PyTorch.
///
/// Policies: `kernel`, `stride` (else the kernel's size), `padding` (at most half of what a window covers),
/// `dilation`, `ceil_mode`.
template <std::size_t Kernel, class... Policies>
struct max_pool2d : detail::pool2d<max_pool2d<Kernel, Policies...>, Kernel, Policies...> {
    static_assert(detail::check_policies<max_pool2d,
                                         detail::list<policy::kernel, policy::stride, policy::padding,
                                                      policy::dilation, policy::rounding>,
                                         Policies...>::value);

    static constexpr bool has_device_kernels = true;

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        return max_pool2d::pooled(
            in, "hookcam::max_pool2d: the input must be images; put the layer in front of flatten<>",
            "hookcam::max_pool2d: the window must not be larger than the padded input; take a smaller one");
    }

    /// For each output element the index of the chosen one.
    [[nodiscard]] static constexpr std::size_t state_bytes(extents const&, extents const& out) noexcept {
        return out.count() * sizeof(std::int32_t);
    }

    void forward(auto const& own, auto const& x, auto& y) const {
        kernels::max_pool2d(device_of(x), this->arguments(x, y), x.data(), y.data(),
                            static_cast<std::int32_t*>(own.state));
    }

    void backward(auto const& own, auto const& grad_y, auto& grad_x) const {
        kernels::max_pool2d_backward(device_of(grad_y), this->arguments(grad_x, grad_y),
                                     static_cast<std::int32_t const*>(own.state), grad_y.data(),
                                     grad_x.data());
    }
};

namespace detail {

template <std::size_t Kernel, class... Policies>
inline constexpr auto fuses_as<max_pool2d<Kernel, Policies...>> = fusion::max_pooling;
template <std::size_t Kernel, class... Policies>
inline constexpr bool hands_zeros_on<max_pool2d<Kernel, Policies...>> = true;

} // namespace detail

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

template <std::size_t Kernel, class... Policies>
struct blocked_map<max_pool2d<Kernel, Policies...>> {
    static constexpr bool exists = true;
    static constexpr bool is_by_planes = true;
    using windows = typename max_pool2d<Kernel, Policies...>::windows;

    template <class T>
    static void run(cpu, std::size_t batch, blocked_layout const& in, blocked_layout const& out, T const* x,
                    T* y) {
        for_each_plane_of_both(in, out, batch, x, y, [&](T const* from, T* to) {
            for (std::size_t i = 0; i < out.height; ++i)
                kernels::max_of_windows(windows::columns, windows::rows.dilation,
                                        kernels::seen_by(windows::rows, i, in.height), from, in.height,
                                        in.row(), in.width, out.width, to + i * out.row());
        });
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

} // namespace hookcam
