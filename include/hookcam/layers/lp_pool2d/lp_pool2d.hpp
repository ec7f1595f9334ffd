#pragma once

#include "../../core/instruction_set.hpp"
#include "../pool2d.hpp"
#include "lp_pool2d_cpu.hpp"
#include "lp_pool2d_cuda.hpp"

#include <cstddef>

namespace hookcam {

/// The p-norm of each window of a channel: N,C,H,W becomes N,C,H',W' with y = (Σ |x|^p)^(1/p), p being `Norm`:
/// 1 sums magnitudes, 2 is the Euclidean norm, large ones come near the largest magnitude. `lp_pool2d<2, 3>`
/// has square windows of three rows and columns; `lp_pool2d<2, 3, kernel<3, 2>>` rectangular ones (the second
/// argument is their height). Where a norm is zero, so is its gradient.
///
/// PyTorch's `LPPool2d` for even p, and for inputs that are not negative: for odd p it leaves their signs in
/// the sum. At a norm of zero its gradient is NaN.
///
/// Policies: `kernel`, `stride` (else the kernel's size).
template <std::size_t Norm, std::size_t Kernel, class... Policies>
struct lp_pool2d : detail::pool2d<lp_pool2d<Norm, Kernel, Policies...>, Kernel, Policies...> {
    static_assert(
        detail::check_policies<lp_pool2d, detail::list<policy::kernel, policy::stride>, Policies...>::value);
    static_assert(Norm > 0, "hookcam::lp_pool2d: the norm must be at least one; 2 is the Euclidean norm");

    using backward_reads = reads<input, output>;
    static constexpr bool has_device_kernels = true;

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        return lp_pool2d::pooled(
            in, "hookcam::lp_pool2d: the input must be images; put the layer in front of flatten<>",
            "hookcam::lp_pool2d: the window must not be larger than the input; take a smaller one");
    }

    template <class Set = detail::instruction_set>
    void forward(auto const& x, auto& y) const {
        kernels::lp_pool2d(device_of(x), this->arguments(x, y), Norm, x.data(), y.data());
    }

    template <class Set = detail::instruction_set>
    void backward(auto const& x, auto const& y, auto const& grad_y, auto& grad_x) const {
        kernels::lp_pool2d_backward(device_of(x), this->arguments(x, y), Norm, x.data(), y.data(),
                                    grad_y.data(), grad_x.data());
    }
};

} // namespace hookcam
