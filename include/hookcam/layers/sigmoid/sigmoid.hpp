#pragma once

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

} // namespace hookcam
