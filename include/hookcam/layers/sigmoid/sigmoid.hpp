#pragma once

#include "../blocked_map.hpp"
#include "../elementwise.hpp"
#include "sigmoid_cpu.hpp"

namespace hookcam {

/// 1 / (1 + exp(−x)), element by element, for inputs of any shape.
template <class... Policies>
struct sigmoid : detail::elementwise_layer<sigmoid<Policies...>, Policies...> {
    static_assert(detail::check_policies<sigmoid, detail::list<>, Policies...>::value);

    static constexpr kernels::sigmoid function{};
    using backward_reads = reads<output>;
};

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

template <class... Policies>
struct blocked_map<sigmoid<Policies...>> : blocked_elementwise<sigmoid<Policies...>> {};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

} // namespace hookcam
