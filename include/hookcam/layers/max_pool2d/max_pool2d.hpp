#pragma once

#include "../layer.hpp"
#include "../window_policies.hpp"
#include "max_pool2d_cpu.hpp"

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
struct max_pool2d : layer<max_pool2d<Kernel, Policies...>, Policies...> {
    static_assert(detail::check_policies<max_pool2d,
                                         detail::list<policy::kernel, policy::stride, policy::padding,
                                                      policy::dilation, policy::rounding>,
                                         Policies...>::value);

    using size = detail::find_policy<policy::kernel, kernel<Kernel>, Policies...>;
    static_assert(
        size::height == Kernel,
        "hookcam::max_pool2d: the first argument must be the height that kernel<height, width> gives; "
        "correct one of them");
    using windows =
        detail::windows<size,
                        detail::find_policy<policy::stride, stride<size::height, size::width>, Policies...>,
                        detail::find_policy<policy::padding, padding<0>, Policies...>,
                        detail::find_policy<policy::dilation, dilation<1>, Policies...>>;
    static_assert(!windows::is_same, "hookcam::max_pool2d: the padding must be given in numbers; give "
                                     "padding<1> or padding<height, width>");
    static_assert(windows::rows.before <= windows::rows.span() / 2 &&
                      windows::columns.before <= windows::columns.span() / 2,
                  "hookcam::max_pool2d: the padding must be at most half of the window; take less");
    static constexpr bool rounds_up = detail::has_policy<policy::rounding, Policies...>;

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        require(in.rank == 3,
                "hookcam::max_pool2d: the input must be images; put the layer in front of flatten<>", in);
        require(
            windows::rows.fits(in[1], rounds_up) && windows::columns.fits(in[2], rounds_up),
            "hookcam::max_pool2d: the window must not be larger than the padded input; take a smaller one",
            in);
        return extents{in[0], windows::rows.count(in[1], rounds_up),
                       windows::columns.count(in[2], rounds_up)};
    }

    /// For each output element the index of the chosen one.
    [[nodiscard]] static constexpr std::size_t state_bytes(extents const&, extents const& out) noexcept {
        return out.count() * sizeof(std::int32_t);
    }

    void forward(auto const& own, auto const& x, auto& y) const {
        kernels::max_pool2d(device_of(x), arguments(x, y), x.data(), y.data(),
                            static_cast<std::int32_t*>(own.state));
    }

    void backward(auto const& own, auto const& grad_y, auto& grad_x) const {
        kernels::max_pool2d_backward(device_of(grad_y), arguments(grad_x, grad_y),
                                     static_cast<std::int32_t const*>(own.state), grad_y.data(),
                                     grad_x.data());
    }

private:
    static kernels::pool2d_parameters arguments(auto const& x, auto const& y) {
        return {x.shape()[0] * x.shape()[1],
                x.shape()[2],
                x.shape()[3],
                y.shape()[2],
                y.shape()[3],
                windows::rows,
                windows::columns};
    }
};

} // namespace hookcam
