#pragma once

#include "../layer.hpp"
#include "../window_policies.hpp"
#include "conv_transpose2d_cpu.hpp"
#include "conv_transpose2d_cuda.hpp"

#include <algorithm>
#include <cstddef>
#include <type_traits>

namespace hookcam {

namespace policy {
struct output_padding {};
} // namespace policy

/// `output_padding<1>` or `output_padding<Height, Width>`: rows and columns added at the end of the output, to
/// tell apart the sizes that a strided convolution maps to one.
template <std::size_t... Sizes>
struct output_padding : detail::pair_policy<policy::output_padding, Sizes...> {};

/// The transpose of a convolution, which enlarges images: N,In,H,W becomes N,Out,H',W' with
/// H' = (H − 1)·stride − 2·padding + dilation·(kernel − 1) + output_padding + 1. The weight is
/// In×(Out/groups)×kh×kw, as PyTorch keeps it, the bias has Out elements.
///
/// Policies: `kernel` (always), `stride`, `padding`, `output_padding` (less than the stride or the dilation),
/// `dilation`, `groups`, `no_bias`.
template <std::size_t In, std::size_t Out, class... Policies>
struct conv_transpose2d : layer<conv_transpose2d<In, Out, Policies...>, Policies...> {
    static_assert(detail::check_policies<
                  conv_transpose2d,
                  detail::list<policy::kernel, policy::stride, policy::padding, policy::output_padding,
                               policy::dilation, policy::groups, policy::bias>,
                  Policies...>::value);
    static_assert(detail::has_policy<policy::kernel, Policies...>,
                  "hookcam::conv_transpose2d: must know the size of its window; add kernel<3> or "
                  "kernel<height, width>");
    static_assert(
        In > 0 && Out > 0,
        "hookcam::conv_transpose2d: must have at least one input and one output channel; give both counts");

    static constexpr bool divides(std::size_t count, std::size_t channels) {
        return count > 0 && channels % count == 0;
    }
    static constexpr std::size_t group_count =
        detail::find_policy<policy::groups, hookcam::groups<1>, Policies...>::count;
    static_assert(
        divides(group_count, In) && divides(group_count, Out),
        "hookcam::conv_transpose2d: the groups must divide the input and the output channels; choose "
        "another number");

    static constexpr bool has_bias = !detail::has_policy<policy::bias, Policies...>;
    using windows = detail::windows<detail::find_policy<policy::kernel, kernel<1>, Policies...>,
                                    detail::find_policy<policy::stride, stride<1>, Policies...>,
                                    detail::find_policy<policy::padding, padding<0>, Policies...>,
                                    detail::find_policy<policy::dilation, dilation<1>, Policies...>>;
    static_assert(!windows::is_same, "hookcam::conv_transpose2d: the padding must be given in numbers; give "
                                     "padding<1> or padding<height, width>");
    using more = detail::find_policy<policy::output_padding, output_padding<0>, Policies...>;
    static_assert(
        more::height < std::max(windows::rows.stride, windows::rows.dilation) &&
            more::width < std::max(windows::columns.stride, windows::columns.dilation),
        "hookcam::conv_transpose2d: the output padding must be less than the stride or the dilation; "
        "take less");

    using weight = parameter<"weight", In, Out / std::max<std::size_t>(1, group_count), windows::rows.kernel,
                             windows::columns.kernel>;
    using parameters = std::conditional_t<has_bias, hookcam::parameters<weight, parameter<"bias", Out>>,
                                          hookcam::parameters<weight>>;

    static constexpr bool has_device_kernels = true;

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        require(in.rank == 3,
                "hookcam::conv_transpose2d: the input must be images; put the layer in front of flatten<>",
                in);
        require(
            in[0] == In || in[0] == dynamic,
            "hookcam::conv_transpose2d: the input must have as many channels as the layer's first argument "
            "says; correct one of them",
            in);
        require(leaves_some(windows::rows, in[1], more::height) &&
                    leaves_some(windows::columns, in[2], more::width),
                "hookcam::conv_transpose2d: the padding must leave at least one row and one column of the "
                "output; take less, or give a larger input",
                in);
        return extents{Out, count(windows::rows, in[1], more::height),
                       count(windows::columns, in[2], more::width)};
    }

    /// Enough for doubles.
    [[nodiscard]] static constexpr std::size_t scratch_bytes(extents const& in, extents const& out) noexcept {
        return kernels::conv2d_scratch(arguments(1, in[1], in[2], out[1], out[2])) * sizeof(double);
    }

    [[nodiscard]] static std::size_t device_scratch_bytes(std::size_t batch, extents const& in,
                                                          extents const& out) {
        return kernels::conv2d_cuda_scratch(arguments(batch, in[1], in[2], out[1], out[2]));
    }

    void forward(auto const& own, auto const& x, auto& y) const {
        kernels::conv_transpose2d(device_of(x), arguments(x, y), x.data(), get<"weight">(own).data(),
                                  detail::data_or_null<"bias">(own), y.data(), detail::scratch_of(own));
    }

    void backward(auto const& own, auto const& grad_y, auto& grad_x) const {
        kernels::conv_transpose2d_backward(device_of(grad_y), arguments(grad_x, grad_y), grad_y.data(),
                                           get<"weight">(own).data(), grad_x.data(), detail::scratch_of(own));
    }

    void backward_parameters(auto const& own, auto const& x, auto const& grad_y,
                             auto const& gradients) const {
        kernels::conv_transpose2d_backward_parameters(
            device_of(x), arguments(x, grad_y), x.data(), grad_y.data(), get<"weight">(gradients).data(),
            detail::data_or_null<"bias">(gradients), detail::scratch_of(own));
    }

private:
    /// The output's size and its padding, which is cut off.
    static constexpr std::size_t whole(window const& w, std::size_t size, std::size_t behind) {
        return size == 0 ? 0 : (size - 1) * w.stride + w.span() + behind;
    }
    static constexpr bool leaves_some(window const& w, std::size_t size, std::size_t behind) {
        return size == dynamic || whole(w, size, behind) > w.before + w.after;
    }
    static constexpr std::size_t count(window const& w, std::size_t size, std::size_t behind) {
        return size == dynamic ? dynamic : whole(w, size, behind) - w.before - w.after;
    }

    /// Those of the convolution that this is the transpose of: from this layer's output to its input.
    static constexpr kernels::conv2d_parameters arguments(std::size_t batch, std::size_t in_height,
                                                          std::size_t in_width, std::size_t out_height,
                                                          std::size_t out_width) noexcept {
        return {batch,     Out,       In,       group_count,   out_height,
                out_width, in_height, in_width, windows::rows, windows::columns};
    }
    static kernels::conv2d_parameters arguments(auto const& x, auto const& y) {
        return arguments(x.shape()[0], x.shape()[2], x.shape()[3], y.shape()[2], y.shape()[3]);
    }
};

} // namespace hookcam
