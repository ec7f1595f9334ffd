#pragma once

#include "composite.hpp"

namespace hookcam {

/// Layers one after the other: each one's output is the next one's input. It adds nothing to paths.
template <class... Layers>
struct sequential : composite<Layers...> {
    static_assert(sizeof...(Layers) > 0,
                  "hookcam::sequential: must hold at least one layer; use identity<> for none");

    template <class Scope, class Value>
    static constexpr auto lower(Scope& scope, Value value) {
        return detail::chain<0, sizeof...(Layers)>(scope, value);
    }

    [[nodiscard]] static std::string type_name() {
        return detail::composite_type_name<Layers...>("sequential");
    }
};

} // namespace hookcam
