#pragma once

#include "../elementwise.hpp"
#include "elu_cpu.hpp"

namespace hookcam {

namespace policy {
struct alpha {};
} // namespace policy

/// Minus the value that `elu` tends to far below zero.
template <real Value>
struct alpha {
    using kind = policy::alpha;
    static constexpr double value = Value.value(); ///< as given
};

/// x where it is above zero, alpha·(exp(x) − 1) elsewhere, for inputs of any shape. Clevert et al., "Fast and
/// accurate deep network learning by exponential linear units" (2015). The gradient at zero is alpha, as in
/// PyTorch.
///
/// Policies: `alpha` (else 1).
template <class... Policies>
struct elu : detail::elementwise_layer<elu<Policies...>, Policies...> {
    static_assert(detail::check_policies<elu, detail::list<policy::alpha>, Policies...>::value);

    static constexpr kernels::elu function{
        detail::find_policy<policy::alpha, alpha<1.0>, Policies...>::value};
    static_assert(function.alpha >= 0, "hookcam::elu: alpha must not be negative; PyTorch's default is 1");
    using backward_reads = reads<output>;
};

} // namespace hookcam
