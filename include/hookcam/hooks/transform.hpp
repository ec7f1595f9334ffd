#pragma once

#include <type_traits>
#include <utility>

namespace hookcam {

/// A forward hook that brings its own backward, as a pruning mask does.
template <class Forward, class Backward>
struct transform_hook {
    [[no_unique_address]] Forward forward;
    [[no_unique_address]] Backward backward;
};

/// A hook for `on_forward` or `on_forward_pre` whose replacement is differentiated: `forward` is called with
/// the event's arguments and returns the replacement; `backward` is called with (layer, gradient of the
/// replacement) and returns the gradient of what was replaced, of the same shape. Without it the gradient
/// passes straight through.
template <class Forward, class Backward>
[[nodiscard]] constexpr auto transform(Forward forward, Backward backward) {
    return transform_hook<Forward, Backward>{std::move(forward), std::move(backward)};
}

namespace detail {

template <class T>
inline constexpr bool is_transform = false;
template <class Forward, class Backward>
inline constexpr bool is_transform<transform_hook<Forward, Backward>> = true;

} // namespace detail

} // namespace hookcam
