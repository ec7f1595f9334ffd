#pragma once

#include "layer.hpp"
#include "pool2d_parameters.hpp"
#include "window_policies.hpp"

#include <cstddef>

namespace hookcam::detail {

/// From the layer's input and output, N,C,H,W.
[[nodiscard]] kernels::pool2d_sizes pool2d_sizes(auto const& x, auto const& y) {
    return {x.shape()[0] * x.shape()[1], x.shape()[2], x.shape()[3], y.shape()[2], y.shape()[3]};
}

/// The base of a pooling by windows, by CRTP: the windows that the policies describe, and the output's sizes.
template <class Derived, std::size_t Kernel, class... Policies>
struct pool2d : layer<Derived, Policies...> {
    using size = find_policy<policy::kernel, kernel<Kernel>, Policies...>;
    static_assert(size::height == Kernel,
                  "hookcam::kernel: the height of a pooling's window must be the number that the layer is "
                  "given too; correct one of them");
    using windows =
        detail::windows<size, find_policy<policy::stride, stride<size::height, size::width>, Policies...>,
                        find_policy<policy::padding, padding<0>, Policies...>,
                        find_policy<policy::dilation, dilation<1>, Policies...>>;
    static_assert(!windows::is_same, "hookcam::padding_same: a pooling's padding must be given in numbers; "
                                     "give padding<1> or padding<height, width>");
    static_assert(windows::rows.before <= windows::rows.span() / 2 &&
                      windows::columns.before <= windows::columns.span() / 2,
                  "hookcam::padding: a pooling's padding must be at most half of its window; take less");
    static constexpr bool rounds_up = has_policy<policy::rounding, Policies...>;
    static constexpr bool counts_padding = !has_policy<policy::counting, Policies...>;

protected:
    /// The layer's own sentences say what is wrong with an input that is no image, and with one that is smaller
    /// than the window.
    [[nodiscard]] static constexpr extents pooled(extents const& in, char const* no_image,
                                                  char const* too_small) {
        require(in.rank == 3, no_image, in);
        require(windows::rows.fits(in[1], rounds_up) && windows::columns.fits(in[2], rounds_up), too_small,
                in);
        return extents{in[0], windows::rows.count(in[1], rounds_up),
                       windows::columns.count(in[2], rounds_up)};
    }

    [[nodiscard]] static kernels::pool2d_parameters arguments(auto const& x, auto const& y) {
        return {pool2d_sizes(x, y), windows::rows, windows::columns, counts_padding};
    }
};

/// The sizes of Height × Width parts of each channel; likewise.
template <std::size_t Height, std::size_t Width>
[[nodiscard]] constexpr extents parted(extents const& in, char const* no_image, char const* empty) {
    require(in.rank == 3, no_image, in);
    require(in[1] > 0 && in[2] > 0, empty, in);
    return extents{in[0], Height, Width};
}

} // namespace hookcam::detail
