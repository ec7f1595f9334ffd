#pragma once

#include "../core/error.hpp"
#include "../core/extents.hpp"
#include "../core/lists.hpp"
#include "../tensor/device_view.hpp"
#include "../tensor/shape_check.hpp"
#include "../tensor/view.hpp"
#include "events.hpp"
#include "transform.hpp"

#include <cstddef>
#include <type_traits>
#include <utility>

namespace hookcam::detail {

// How a hook is called, and what may come back from it.

/// Fails to compile where a hook cannot be called with its event's arguments.
template <class Event, class Hook, class... Arguments>
struct hook_must_be_callable {
    static constexpr bool value = std::is_invocable_v<Hook&, Arguments...>;
    template <class Of>
    static constexpr bool fine = value || !std::is_same_v<Event, Of>;
    static_assert(fine<events::forward_pre>,
                  "hookcam::on_forward_pre: a hook must be callable with (layer, input); take "
                  "both by auto const&");
    static_assert(fine<events::forward>,
                  "hookcam::on_forward: a hook must be callable with (layer, input, output); take "
                  "all three by auto const&");
    static_assert(fine<events::backward_pre>,
                  "hookcam::on_backward_pre: a hook must be callable with (layer, "
                  "grad_output); take both by auto const&");
    static_assert(fine<events::backward>,
                  "hookcam::on_backward: a hook must be callable with (layer, grad_input, "
                  "grad_output); take all three by auto const&");
    static_assert(fine<events::parameter_gradient>,
                  "hookcam::on_parameter_gradient: a hook must be callable with "
                  "(layer, name, gradient); take all three by auto const&");
};

/// True where a result can take the place of a tensor of scalars `T` and of a rank (`dynamic`: of any).
template <class Result, class T, std::size_t Rank>
constexpr bool can_replace() {
    if constexpr (std::is_void_v<Result>)
        return true;
    else if constexpr (is_device_view<std::remove_cvref_t<Result>>)
        return std::is_same_v<typename std::remove_cvref_t<Result>::value_type, T> &&
               (Rank == dynamic || std::remove_cvref_t<Result>::rank == dynamic ||
                std::remove_cvref_t<Result>::rank == Rank);
    else if constexpr (!an_expression<Result>)
        return false;
    else
        return std::is_convertible_v<typename std::remove_cvref_t<Result>::value_type, T> &&
               (Rank == dynamic || rank_of<Result> == dynamic || rank_of<Result> == Rank);
}

template <class Hook, class Result, bool Fits>
struct hook_result_must_fit {
    static_assert(
        Fits, "hookcam::hooks: a hook must return nothing, or an xtensor expression of the rank of what it "
              "replaces, whose values convert to its scalar; return one of these");
    static constexpr bool value = Fits;
};

/// The sizes of an expression whose shape is part of its type, as far as they contradict `Shape` behind the
/// batch.
template <class Result>
struct fixed_sizes {
    static constexpr bool known = false;
};
template <class Result>
    requires requires {
        typename std::remove_cvref_t<Result>::shape_type;
    } && requires {
        std::remove_cvref_t<Result>::shape_type::template get<0>();
    }
struct fixed_sizes<Result> {
    using shape_type = typename std::remove_cvref_t<Result>::shape_type;
    static constexpr bool known = true;
    template <std::size_t Axis>
    static constexpr std::size_t size = shape_type::template get<Axis>();
};

template <class Result, class Shape>
struct hook_result_must_have_shape {
    template <std::size_t... Axes>
    static constexpr bool check(std::index_sequence<Axes...>) {
        return (true && ... &&
                (Shape::value[Axes] == dynamic ||
                 Shape::value[Axes] == fixed_sizes<Result>::template size<Axes + 1>));
    }
    static constexpr bool value = check(std::make_index_sequence<Shape::rank>{});
    static_assert(value,
                  "hookcam::hooks: what a hook returns must have the shape of what it replaces; return an "
                  "expression of that shape");
};

template <class Hook, class Result, class T, class Shape>
constexpr void check_result() {
    if constexpr (hook_result_must_fit<Hook, Result, can_replace<Result, T, Shape::rank + 1>()>::value)
        if constexpr (!std::is_void_v<Result>)
            if constexpr (fixed_sizes<Result>::known)
                static_assert(hook_result_must_have_shape<Result, Shape>::value);
}

/// Throws unless a replacement has the shape of what it replaces.
template <class Result, class Sizes>
void check_replacement(Result const& made, Sizes const& shape) {
    check_shape(made, shape, error_kind::hook,
                "hookcam::hooks: a hook must return the shape of what it replaces");
}

} // namespace hookcam::detail
