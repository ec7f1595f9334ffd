#pragma once

#include "composite.hpp"

namespace hookcam {

/// first(x)·second(x), element by element. The second branch's output may also have one number for each channel
/// (C×1×1), as in squeeze and excitation (Hu et al., 2017): `multiply<identity<>, sequential<…, sigmoid<>>>`.
template <class First, class Second>
struct multiply : composite<First, Second> {
    template <class Scope, class Value>
    static constexpr auto lower(Scope& scope, Value value) {
        auto const join = [&scope](auto a, auto b) { return scope.product(a, b); };
        return detail::branch<0, 2>(scope, value, join);
    }

    [[nodiscard]] static std::string type_name() {
        return detail::composite_type_name<First, Second>("multiply");
    }
};

} // namespace hookcam
