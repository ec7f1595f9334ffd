#pragma once

#include "../layers/identity/identity.hpp"
#include "composite.hpp"

namespace hookcam {

/// body(x) + shortcut(x). It ends with the sum; a ResNet's block is `sequential<residual<…>, relu<>>`.
template <class Body, class Shortcut = identity<>>
struct residual : composite<Body, Shortcut> {
    template <class Scope, class Value>
    static constexpr auto lower(Scope& scope, Value value) {
        auto const [to_body, to_shortcut] = scope.fork(value);
        auto const through_body = scope.template child<0>(to_body);
        auto const through_shortcut = scope.template child<1>(to_shortcut);
        return scope.sum(through_body, through_shortcut);
    }

    [[nodiscard]] static std::string type_name() {
        return detail::composite_type_name<Body, Shortcut>("residual");
    }
};

} // namespace hookcam
