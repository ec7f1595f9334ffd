#pragma once

#include "../blocked_map.hpp"
#include "../elementwise.hpp"
#include "hardswish_cpu.hpp"

namespace hookcam {

/// x·relu6(x + 3) / 6, element by element, for inputs of any shape. Howard et al., "Searching for MobileNetV3"
/// (2019). The gradient at −3 is zero and at 3 one, as in PyTorch.
template <class... Policies>
struct hardswish : detail::elementwise_layer<hardswish<Policies...>, Policies...> {
    static_assert(detail::check_policies<hardswish, detail::list<>, Policies...>::value);

    static constexpr kernels::hardswish function{};
    using backward_reads = reads<input>;
};

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

template <class... Policies>
struct blocked_map<hardswish<Policies...>> : blocked_elementwise<hardswish<Policies...>> {};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

} // namespace hookcam
