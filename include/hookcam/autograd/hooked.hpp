#pragma once

#include "record.hpp"

#include <cstddef>
#include <tuple>
#include <utility>

namespace hookcam {

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

template <class... Hooks>
struct hooked_operation {
    static constexpr char const* name = "hooked";
    static constexpr unsigned reads(std::size_t) noexcept { return 0; }
    mutable std::tuple<Hooks...> hooks;

    template <std::size_t, class T, std::size_t Rank>
    [[nodiscard]] auto gradient(auto const&, variable<T, Rank> const& grad) const {
        auto passed = variable_access::held_by(grad);
        std::apply([&](auto&... hook) { (run_tensor_hook<T, Rank>(hook, passed), ...); }, hooks);
        return variable_access::typed<T, Rank>(std::move(passed));
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

namespace functional {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// x, with hooks that its gradient passes on its way back, in their order: the form of `register_hook` that is
/// known at compile time. The hooks are held by value and called without type erasure; they cannot be removed.
template <class T, std::size_t Rank, class... Hooks>
    requires(sizeof...(Hooks) > 0)
[[nodiscard]] variable<T, Rank> hooked(variable<T, Rank> const& x, Hooks... hooks) {
    return detail::record_over<Rank>(x.shape(), detail::hooked_operation<Hooks...>{{std::move(hooks)...}}, x);
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace functional

} // namespace hookcam
