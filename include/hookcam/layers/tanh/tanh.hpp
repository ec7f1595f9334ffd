#pragma once

#include "../blocked_map.hpp"
#include "../elementwise.hpp"
#include "tanh_cpu.hpp"

namespace hookcam {

/// The hyperbolic tangent, element by element, for inputs of any shape.
template <class... Policies>
struct tanh : detail::elementwise_layer<tanh<Policies...>, Policies...> {
    static_assert(detail::check_policies<tanh, detail::list<>, Policies...>::value);

    static constexpr kernels::tanh function{};
    using backward_reads = reads<output>;
};

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

template <class... Policies>
struct blocked_map<tanh<Policies...>> : blocked_elementwise<tanh<Policies...>> {};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

} // namespace hookcam
