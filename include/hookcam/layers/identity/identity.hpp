#pragma once

#include "../layer.hpp"

namespace hookcam {

/// Hands its input on, of any shape. Named, it is a `tap`: a place to hook.
template <class... Policies>
struct identity : layer<identity<Policies...>, Policies...> {
    static_assert(detail::check_policies<identity, detail::list<>, Policies...>::value);

    static constexpr bool is_view = true;
};

namespace detail {

template <class... Policies>
inline constexpr auto fuses_as<identity<Policies...>> = fusion::identity;

} // namespace detail

} // namespace hookcam
