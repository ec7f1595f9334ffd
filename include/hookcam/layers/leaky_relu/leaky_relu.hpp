#pragma once

#include "../blocked_map.hpp"
#include "../elementwise.hpp"
#include "leaky_relu_cpu.hpp"

#include <type_traits>

namespace hookcam {

namespace policy {
struct negative_slope {};
} // namespace policy

/// The slope of `leaky_relu` below zero.
template <real Value>
struct negative_slope {
    using kind = policy::negative_slope;
    static constexpr double value = Value.value(); ///< as given
};

/// x where it is above zero, negative_slope·x elsewhere, for inputs of any shape. The gradient at zero is the
/// slope, as in PyTorch.
///
/// Policies: `negative_slope` (else 0.01).
template <class... Policies>
struct leaky_relu : detail::elementwise_layer<leaky_relu<Policies...>, Policies...> {
    static_assert(
        detail::check_policies<leaky_relu, detail::list<policy::negative_slope>, Policies...>::value);

    static constexpr kernels::leaky_relu function{
        detail::find_policy<policy::negative_slope, negative_slope<0.01>, Policies...>::value};
    using backward_reads = std::conditional_t<(function.negative_slope >= 0), reads<output>, reads<input>>;
};

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

template <class... Policies>
struct blocked_map<leaky_relu<Policies...>> : blocked_elementwise<leaky_relu<Policies...>> {};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

} // namespace hookcam
