#pragma once

#include "composite.hpp"

namespace hookcam {

/// Gives its input to every branch and puts their channels one behind the other, in order: PyTorch's
/// `torch.cat(…, dim=1)`. The branches' outputs have one height and width.
template <class... Branches>
struct concat : composite<Branches...> {
    static_assert(sizeof...(Branches) > 1,
                  "hookcam::concat: must have at least two branches; use sequential for one");

    template <class Scope, class Value>
    static constexpr auto lower(Scope& scope, Value value) {
        auto const join = [&scope](auto... parts) { return scope.concat(parts...); };
        return detail::branch<0, sizeof...(Branches)>(scope, value, join);
    }

    [[nodiscard]] static std::string type_name() {
        return detail::composite_type_name<Branches...>("concat");
    }
};

} // namespace hookcam
