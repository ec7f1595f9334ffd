#pragma once

#include "../layer.hpp"

namespace hookcam {

namespace detail {

/// What runs in its place in training; whoever trains defines it (train/dropout_in_training.hpp).
template <class Layer>
struct dropout_in_training;

} // namespace detail

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
    using in_training = detail::dropout_in_training<dropout>;
};

namespace detail {

template <class... Policies>
inline constexpr auto fuses_as<dropout<Policies...>> = fusion::identity;

} // namespace detail

} // namespace hookcam
