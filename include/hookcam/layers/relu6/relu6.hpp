#pragma once

#include "../blocked_map.hpp"
#include "../elementwise.hpp"
#include "../fusion.hpp"
#include "relu6_cpu.hpp"

namespace hookcam {

/// min(max(x, 0), 6), element by element, for inputs of any shape. NaN passes. The gradient at zero and at six
/// is zero, as in PyTorch.
template <class... Policies>
struct relu6 : detail::elementwise_layer<relu6<Policies...>, Policies...> {
    static_assert(detail::check_policies<relu6, detail::list<>, Policies...>::value);

    static constexpr kernels::relu6 function{};
    using backward_reads = reads<output>;
};

namespace detail {

template <class... Policies>
inline constexpr auto fuses_as<relu6<Policies...>> = fusion::clamp;

} // namespace detail

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

template <class... Policies>
struct blocked_map<relu6<Policies...>> : blocked_elementwise<relu6<Policies...>> {};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

} // namespace hookcam
