#pragma once

#include "../layer.hpp"
#include "../window_policies.hpp"
#include "avg_pool2d_cpu.hpp"

#include <cstddef>

namespace hookcam {

/// The mean of each window of a channel: N,C,H,W becomes N,C,H',W'. `avg_pool2d<2>` has square windows of two
/// rows and columns, each beside the last; `avg_pool2d<3, kernel<3, 2>>` has rectangular ones (the first
/// argument is their height). Padding counts as zeros; what `ceil_mode` lets reach out of it does not count,
/// as in PyTorch.
///
/// Policies: `kernel`, `stride` (else the kernel's size), `padding` (at most half of the kernel),
/// `ceil_mode`, `count_exclude_pad`.
template <std::size_t Kernel, class... Policies>
struct avg_pool2d : layer<avg_pool2d<Kernel, Policies...>, Policies...> {
    static_assert(detail::check_policies<avg_pool2d,
                                         detail::list<policy::kernel, policy::stride, policy::padding,
                                                      policy::rounding, policy::counting>,
                                         Policies...>::value);

    using size = detail::find_policy<policy::kernel, kernel<Kernel>, Policies...>;
    static_assert(
        size::height == Kernel,
        "hookcam::avg_pool2d: the first argument must be the height that kernel<height, width> gives; "
        "correct one of them");
    using windows =
        detail::windows<size,
                        detail::find_policy<policy::stride, stride<size::height, size::width>, Policies...>,
                        detail::find_policy<policy::padding, padding<0>, Policies...>, dilation<1>>;
    static_assert(!windows::is_same, "hookcam::avg_pool2d: the padding must be given in numbers; give "
                                     "padding<1> or padding<height, width>");
    static_assert(windows::rows.before <= windows::rows.kernel / 2 &&
                      windows::columns.before <= windows::columns.kernel / 2,
                  "hookcam::avg_pool2d: the padding must be at most half of the window; take less");
    static constexpr bool rounds_up = detail::has_policy<policy::rounding, Policies...>;
    static constexpr bool counts_padding = !detail::has_policy<policy::counting, Policies...>;

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        require(in.rank == 3,
                "hookcam::avg_pool2d: the input must be images; put the layer in front of flatten<>", in);
        require(
            windows::rows.fits(in[1], rounds_up) && windows::columns.fits(in[2], rounds_up),
            "hookcam::avg_pool2d: the window must not be larger than the padded input; take a smaller one",
            in);
        return extents{in[0], windows::rows.count(in[1], rounds_up),
                       windows::columns.count(in[2], rounds_up)};
    }

    void forward(auto const& x, auto& y) const {
        kernels::avg_pool2d(device_of(x), arguments(x, y), x.data(), y.data());
    }

    void backward(auto const& grad_y, auto& grad_x) const {
        kernels::avg_pool2d_backward(device_of(grad_y), arguments(grad_x, grad_y), grad_y.data(),
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
                windows::columns,
                counts_padding};
    }
};

} // namespace hookcam
