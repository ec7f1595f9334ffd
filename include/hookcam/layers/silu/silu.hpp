#pragma once

#include "../blocked_map.hpp"
#include "../elementwise.hpp"
#include "silu_cpu.hpp"

namespace hookcam {

/// x·sigmoid(x), also called swish, element by element, for inputs of any shape.
template <class... Policies>
struct silu : detail::elementwise_layer<silu<Policies...>, Policies...> {
    static_assert(detail::check_policies<silu, detail::list<>, Policies...>::value);

    static constexpr kernels::silu function{};
    using backward_reads = reads<input>;
};

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

template <class... Policies>
struct blocked_map<silu<Policies...>> : blocked_elementwise<silu<Policies...>> {};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

} // namespace hookcam
