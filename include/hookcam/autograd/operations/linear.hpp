#pragma once

#include "../../layers/linear/linear_cpu.hpp"
#include "matmul.hpp"
#include "reduce.hpp"

#include <array>
#include <cstddef>

namespace hookcam {

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

struct linear_operation {
    static constexpr char const* name = "linear";
    static constexpr unsigned reads(std::size_t input) noexcept {
        return input == 0 ? read_input(1) : input == 1 ? read_input(0) : 0;
    }
    template <std::size_t I>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        if constexpr (I == 0)
            return matrix_product<false, false>(grad, at.template input<1>());
        else if constexpr (I == 1)
            return matrix_product<true, false>(grad, at.template input<0>());
        else
            return functional::sum<0>(grad);
    }
};

template <class T, class... Bias>
[[nodiscard]] variable<T, 2> transform_linearly(variable<T, 2> const& x, variable<T, 2> const& weight,
                                                Bias const&... bias) {
    std::size_t const batch = x.shape()[0], in = x.shape()[1], out = weight.shape()[0];
    bool const fits = weight.shape()[1] == in && (true && ... && (bias.shape()[0] == out));
    if (!fits)
        throw error{error_kind::shape,
                    "hookcam::functional::linear: the input must be N×In, the weight Out×In and the "
                    "bias of Out elements; got " +
                        shape_text(x.shape()) + " and " + shape_text(weight.shape())};
    auto y = record<T, 2>(std::array<std::size_t, 2>{batch, out}, linear_operation{}, x, weight, bias...);
    T const* offset = nullptr;
    ((offset = data_of(bias)), ...);
    kernels::linear(cpu{}, num_threads(), batch, in, out, data_of(x), data_of(weight), offset, data_of(y));
    return y;
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

namespace functional {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// x·Wᵀ: x is N×In, the weight Out×In. Differentiable as often as one likes.
template <class T>
[[nodiscard]] variable<T, 2> linear(variable<T, 2> const& x, variable<T, 2> const& weight) {
    return detail::transform_linearly(x, weight);
}
/// x·Wᵀ + b, with a bias of Out elements.
template <class T>
[[nodiscard]] variable<T, 2> linear(variable<T, 2> const& x, variable<T, 2> const& weight,
                                    variable<T, 1> const& bias) {
    return detail::transform_linearly(x, weight, bias);
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace functional

} // namespace hookcam
