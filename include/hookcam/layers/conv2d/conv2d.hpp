#pragma once

#include "../fusion.hpp"
#include "../layer.hpp"
#include "../window_policies.hpp"
#include "conv2d_cpu.hpp"
#include "conv2d_cuda.hpp"
#include "conv2d_method.hpp"
#include "conv2d_parameters.hpp"

#include <algorithm>
#include <cstddef>
#include <type_traits>

namespace hookcam {

/// Convolution (cross-correlation, as everywhere in deep learning): N,In,H,W becomes N,Out,H',W'. The weight
/// is Out×(In/groups)×kh×kw, the bias has Out elements. Sizes follow PyTorch's formula (see `window`).
///
/// Policies: `kernel` (always), `stride`, `padding` or `padding_same`, `dilation`, `groups`, `no_bias`, `algorithm`.
template <std::size_t In, std::size_t Out, class... Policies>
struct conv2d : layer<conv2d<In, Out, Policies...>, Policies...> {
    static_assert(
        detail::check_policies<conv2d,
                               detail::list<policy::kernel, policy::stride, policy::padding, policy::dilation,
                                            policy::groups, policy::bias, policy::algorithm>,
                               Policies...>::value);
    static_assert(
        detail::has_policy<policy::kernel, Policies...>,
        "hookcam::conv2d: must know the size of its window; add kernel<3> or kernel<height, width>");
    static_assert(In > 0 && Out > 0,
                  "hookcam::conv2d: must have at least one input and one output channel; give both counts");

    static constexpr bool divides(std::size_t count, std::size_t channels) {
        return count > 0 && channels % count == 0;
    }
    static constexpr std::size_t group_count =
        detail::find_policy<policy::groups, hookcam::groups<1>, Policies...>::count;
    static_assert(
        divides(group_count, In) && divides(group_count, Out),
        "hookcam::conv2d: the groups must divide the input and the output channels; choose another number");

    static constexpr bool has_device_kernels = true;
    static constexpr bool has_bias = !detail::has_policy<policy::bias, Policies...>;
    /// The method that the policies ask for; void where they leave it to hookcam.
    using forced_method =
        typename detail::find_policy<policy::algorithm, detail::automatic_method, Policies...>::type;
    using windows = detail::windows<detail::find_policy<policy::kernel, kernel<1>, Policies...>,
                                    detail::find_policy<policy::stride, stride<1>, Policies...>,
                                    detail::find_policy<policy::padding, padding<0>, Policies...>,
                                    detail::find_policy<policy::dilation, dilation<1>, Policies...>>;
    using weight = parameter<"weight", Out, In / std::max<std::size_t>(1, group_count), windows::rows.kernel,
                             windows::columns.kernel>;
    using parameters = std::conditional_t<has_bias, hookcam::parameters<weight, parameter<"bias", Out>>,
                                          hookcam::parameters<weight>>;

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        require(in.rank == 3,
                "hookcam::conv2d: the input must be images; put the layer in front of flatten<>", in);
        require(in[0] == In || in[0] == dynamic,
                "hookcam::conv2d: the input must have as many channels as the layer's first argument says; "
                "correct one of them",
                in);
        require(
            windows::rows.fits(in[1]) && windows::columns.fits(in[2]),
            "hookcam::conv2d: the window must not be larger than the padded input; take a smaller kernel or "
            "dilation, or more padding",
            in);
        return extents{Out, windows::rows.count(in[1]), windows::columns.count(in[2])};
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
        kernels::conv2d(device_of(x), arguments(x, y), x.data(), get<"weight">(own).data(),
                        detail::data_or_null<"bias">(own), y.data(), detail::scratch_of(own));
    }

    /// On a device: the same, and what is done to each sum before it is stored.
    void forward(auto const& own, auto const& x, auto& y, kernels::sum_ending const& ending) const {
        kernels::conv2d(device_of(x), arguments(x, y), x.data(), get<"weight">(own).data(),
                        detail::data_or_null<"bias">(own), y.data(), detail::scratch_of(own), ending);
    }

    void backward(auto const& own, auto const& grad_y, auto& grad_x) const {
        kernels::conv2d_backward(device_of(grad_y), arguments(grad_x, grad_y), grad_y.data(),
                                 get<"weight">(own).data(), grad_x.data(), detail::scratch_of(own));
    }

    void backward_parameters(auto const& own, auto const& x, auto const& grad_y,
                             auto const& gradients) const {
        kernels::conv2d_backward_parameters(device_of(x), arguments(x, grad_y), x.data(), grad_y.data(),
                                            get<"weight">(gradients).data(),
                                            detail::data_or_null<"bias">(gradients), detail::scratch_of(own));
    }

private:
    static constexpr kernels::conv2d_parameters arguments(std::size_t batch, std::size_t in_height,
                                                          std::size_t in_width, std::size_t out_height,
                                                          std::size_t out_width) noexcept {
        return {batch,    In,         Out,       group_count,   in_height,
                in_width, out_height, out_width, windows::rows, windows::columns};
    }
    static kernels::conv2d_parameters arguments(auto const& x, auto const& y) {
        return arguments(x.shape()[0], x.shape()[2], x.shape()[3], y.shape()[2], y.shape()[3]);
    }
};

namespace detail {

template <std::size_t In, std::size_t Out, class... Policies>
inline constexpr auto ends_with<conv2d<In, Out, Policies...>> = fusion::scale_and_shift;

} // namespace detail

} // namespace hookcam

// Whoever has the layer has its blocked form: a plan's choice must not depend on what else a file includes.
#include "conv2d_blocked.hpp"
#include "conv2d_blocked_backward.hpp"
