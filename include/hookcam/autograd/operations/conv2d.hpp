#pragma once

#include "../../core/policies.hpp"
#include "../../core/window.hpp"
#include "../../layers/conv2d/conv2d_cpu.hpp"
#include "../../layers/conv2d/conv2d_parameters.hpp"
#include "../../layers/window_policies.hpp"
#include "../../tensor/memory.hpp"
#include "reduce.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <new>

namespace hookcam {

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// Memory for one call of a kernel; not initialised.
class call_scratch {
public:
    explicit call_scratch(std::size_t bytes)
        : m_data{bytes == 0 ? nullptr : ::operator new (bytes, std::align_val_t{memory<char>::alignment})} {}

    template <class T>
    [[nodiscard]] T* as() const noexcept {
        return static_cast<T*>(m_data.get());
    }

private:
    struct release {
        void operator()(void* block) const noexcept {
            ::operator delete (block, std::align_val_t{memory<char>::alignment});
        }
    };
    std::unique_ptr<void, release> m_data;
};

// Σ grad·(x * weight) is linear in each of the three. So the gradient of a convolution with respect to two of
// them is one of these functions of the others, and so are the gradients of those, without end.

template <class T, class... Bias>
[[nodiscard]] variable<T, 4> convolve(kernels::conv2d_parameters const& of, variable<T, 4> const& x,
                                      variable<T, 4> const& weight, Bias const&... bias);
template <class T>
[[nodiscard]] variable<T, 4> convolve_back(kernels::conv2d_parameters const& of, variable<T, 4> const& grad,
                                           variable<T, 4> const& weight);
template <class T>
[[nodiscard]] variable<T, 4> convolve_for_weight(kernels::conv2d_parameters const& of,
                                                 variable<T, 4> const& x, variable<T, 4> const& grad);

/// y from x, weight, bias.
struct conv2d_operation {
    static constexpr char const* name = "conv2d";
    static constexpr unsigned reads(std::size_t input) noexcept {
        return input == 0 ? read_input(1) : input == 1 ? read_input(0) : 0;
    }
    kernels::conv2d_parameters of;
    template <std::size_t I>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        if constexpr (I == 0)
            return convolve_back(of, grad, at.template input<1>());
        else if constexpr (I == 1)
            return convolve_for_weight(of, at.template input<0>(), grad);
        else
            return functional::sum<0, 2, 3>(grad);
    }
};
/// The gradient of x, from that of y and the weight.
struct conv2d_back_operation {
    static constexpr char const* name = "conv2d_backward";
    static constexpr unsigned reads(std::size_t input) noexcept { return read_input(1 - input); }
    kernels::conv2d_parameters of;
    template <std::size_t I>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        if constexpr (I == 0)
            return convolve(of, grad, at.template input<1>());
        else
            return convolve_for_weight(of, grad, at.template input<0>());
    }
};
/// The gradient of the weight, from x and the gradient of y.
struct conv2d_for_weight_operation {
    static constexpr char const* name = "conv2d_backward_parameters";
    static constexpr unsigned reads(std::size_t input) noexcept { return read_input(1 - input); }
    kernels::conv2d_parameters of;
    template <std::size_t I>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        if constexpr (I == 0)
            return convolve_back(of, at.template input<1>(), grad);
        else
            return convolve(of, at.template input<0>(), grad);
    }
};

template <class T, class... Bias>
variable<T, 4> convolve(kernels::conv2d_parameters const& of, variable<T, 4> const& x,
                        variable<T, 4> const& weight, Bias const&... bias) {
    std::array<std::size_t, 4> const shape{of.batch, of.out_channels, of.out_height, of.out_width};
    auto y = record<T, 4>(shape, conv2d_operation{of}, x, weight, bias...);
    T const* offset = nullptr;
    ((offset = data_of(bias)), ...);
    call_scratch const scratch{kernels::conv2d_scratch(of) * sizeof(T)};
    kernels::conv2d(cpu{}, of, data_of(x), data_of(weight), offset, data_of(y), scratch.as<T>());
    return y;
}
template <class T>
variable<T, 4> convolve_back(kernels::conv2d_parameters const& of, variable<T, 4> const& grad,
                             variable<T, 4> const& weight) {
    std::array<std::size_t, 4> const shape{of.batch, of.in_channels, of.in_height, of.in_width};
    auto y = record<T, 4>(shape, conv2d_back_operation{of}, grad, weight);
    call_scratch const scratch{kernels::conv2d_scratch(of) * sizeof(T)};
    kernels::conv2d_backward(cpu{}, of, data_of(grad), data_of(weight), data_of(y), scratch.as<T>());
    return y;
}
template <class T>
variable<T, 4> convolve_for_weight(kernels::conv2d_parameters const& of, variable<T, 4> const& x,
                                   variable<T, 4> const& grad) {
    std::array<std::size_t, 4> const shape{of.out_channels, of.group_in(), of.rows.kernel, of.columns.kernel};
    auto y = record<T, 4>(shape, conv2d_for_weight_operation{of}, x, grad);
    call_scratch const scratch{kernels::conv2d_scratch(of) * sizeof(T)};
    kernels::conv2d_backward_parameters<T>(cpu{}, of, data_of(x), data_of(grad), data_of(y), nullptr,
                                           scratch.as<T>());
    return y;
}

/// What the kernels must know of a convolution of tensors of these shapes.
[[nodiscard]] inline kernels::conv2d_parameters conv2d_arguments(std::array<std::size_t, 4> const& x,
                                                                 std::array<std::size_t, 4> const& weight,
                                                                 std::size_t groups, window const& rows,
                                                                 window const& columns) {
    bool const fits = groups > 0 && x[1] == weight[1] * groups && weight[0] % groups == 0 &&
                      rows.fits(x[2]) && columns.fits(x[3]) && weight[2] == rows.kernel &&
                      weight[3] == columns.kernel;
    if (!fits)
        throw error{error_kind::shape,
                    "hookcam::functional::conv2d: the input must be N×In×H×W with room for a window, "
                    "and the weight Out×(In/groups)×kh×kw; got " +
                        shape_text(x) + " and " + shape_text(weight)};
    return {x[0], x[1], weight[0], groups, x[2], x[3], rows.count(x[2]), columns.count(x[3]), rows, columns};
}

template <class... Policies>
struct conv2d_call {
    template <class Policy>
    static constexpr bool
        known = policy_is_one_of<Policy, policy::stride, policy::padding, policy::dilation, policy::groups>();
    static_assert(
        (true && ... && known<Policies>),
        "hookcam::functional::conv2d: the policies must be of stride, padding, dilation and groups; the "
        "weight's shape says the rest");

    template <class T, class... Bias>
    [[nodiscard]] static variable<T, 4> run(variable<T, 4> const& x, variable<T, 4> const& weight,
                                            Bias const&... bias) {
        using steps = find_policy<policy::stride, stride<1>, Policies...>;
        using around = find_policy<policy::padding, padding<0>, Policies...>;
        using gaps = find_policy<policy::dilation, dilation<1>, Policies...>;
        static_assert(!std::is_same_v<around, padding_same>,
                      "hookcam::functional::conv2d: the padding must be given in numbers; give padding<1>");
        window const rows{weight.shape()[2], steps::height, gaps::height, around::height, around::height};
        window const columns{weight.shape()[3], steps::width, gaps::width, around::width, around::width};
        auto const of =
            conv2d_arguments(x.shape(), weight.shape(),
                             find_policy<policy::groups, groups<1>, Policies...>::count, rows, columns);
        bool const bias_fits = (true && ... && (bias.shape()[0] == weight.shape()[0]));
        if (!bias_fits)
            throw error{error_kind::shape,
                        "hookcam::functional::conv2d: the bias must have as many elements as the "
                        "weight has output channels; got a weight of " +
                            shape_text(weight.shape())};
        return convolve(of, x, weight, bias...);
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

namespace functional {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// Convolution of N,In,H,W with a weight Out×(In/groups)×kh×kw: `conv2d<hc::stride<2>, hc::padding<1>>(x, weight)`.
/// Differentiable as often as one likes.
template <class... Policies, class T>
[[nodiscard]] variable<T, 4> conv2d(variable<T, 4> const& x, variable<T, 4> const& weight) {
    return detail::conv2d_call<Policies...>::run(x, weight);
}
/// The same with a bias of Out elements.
template <class... Policies, class T>
[[nodiscard]] variable<T, 4> conv2d(variable<T, 4> const& x, variable<T, 4> const& weight,
                                    variable<T, 1> const& bias) {
    return detail::conv2d_call<Policies...>::run(x, weight, bias);
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace functional

} // namespace hookcam
