#pragma once

#include "../elementwise.hpp"
#include "gelu_cpu.hpp"

#include <type_traits>

namespace hookcam {

namespace policy {
struct approximation {};
} // namespace policy

/// Computes `gelu` by tanh instead of the error function, as PyTorch's `approximate='tanh'`.
struct tanh_approximation {
    using kind = policy::approximation;
};

/// x·Φ(x) with the normal distribution's Φ, element by element, for inputs of any shape. Hendrycks, Gimpel,
/// "Gaussian error linear units" (2016). By the error function, or with `tanh_approximation` by the paper's
/// formula with tanh: PyTorch's `approximate='none'` and `approximate='tanh'`.
///
/// Policies: `tanh_approximation`.
template <class... Policies>
struct gelu : detail::elementwise_layer<gelu<Policies...>, Policies...> {
    static_assert(detail::check_policies<gelu, detail::list<policy::approximation>, Policies...>::value);

    /// What maps one element.
    static constexpr std::conditional_t<detail::has_policy<policy::approximation, Policies...>,
                                        kernels::gelu_by_tanh, kernels::gelu>
        function{};
    using backward_reads = reads<input>;
};

} // namespace hookcam
