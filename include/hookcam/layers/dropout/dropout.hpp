#pragma once

#include "../layer.hpp"

namespace hookcam {

/// Zeroes elements at random in training; in inference it hands its input on, of any shape.
///
/// Policies: `probability` (else 0.5).
template <class... Policies>
struct dropout : layer<dropout<Policies...>, Policies...> {
    static_assert(detail::check_policies<dropout, detail::list<policy::probability>, Policies...>::value);

    static constexpr double drop_probability =
        detail::find_policy<policy::probability, probability<0.5>, Policies...>::value;
    static_assert(drop_probability >= 0 && drop_probability <= 1,
                  "hookcam::dropout: the probability must be from 0 to 1; correct it");

    static constexpr bool is_view = true;
};

namespace detail {

template <class... Policies>
inline constexpr auto fuses_as<dropout<Policies...>> = fusion::identity;

} // namespace detail

} // namespace hookcam
