#pragma once

#include "../layer.hpp"

namespace hookcam {

/// Makes one feature vector of each image: N,C,H,W becomes N,C·H·W.
template <class... Policies>
struct flatten : layer<flatten<Policies...>, Policies...> {
    static_assert(detail::check_policies<flatten, detail::list<>, Policies...>::value);

    static constexpr bool is_view = true;

    [[nodiscard]] static constexpr extents output_extents(extents const& in) { return extents{in.count()}; }
};

} // namespace hookcam
