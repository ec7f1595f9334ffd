#pragma once

#include "../core/fixed_string.hpp"
#include "../core/instruction_set.hpp"
#include "../plan/plan.hpp"
#include "../tensor/view.hpp"
#include "grad_cam.hpp"

#include <cstddef>
#include <type_traits>
#include <utility>

namespace hookcam {

/// Tensors by the path of the layer they belong to: `get<"conv3">(found)`. The batch is the first axis.
template <class Paths, class... Tensors>
struct by_path;
template <fixed_string... Paths, class... Tensors>
struct by_path<path_list<Paths...>, Tensors...> {
    detail::leaves_for<Tensors...> tensors; ///< for `get`
};

/// The tensor of a path that was asked for: `get<"conv3">(found)`, an xtensor, the batch first.
template <fixed_string Path, fixed_string... Paths, class... Tensors>
[[nodiscard]] auto const& get(by_path<path_list<Paths...>, Tensors...> const& found) {
    constexpr auto index = detail::index_of_path<Path>(path_list<Paths...>{});
    static_assert(index < sizeof...(Paths),
                  "hookcam::get: the path must be one that was asked for; add it to the call");
    return detail::get_leaf<index>(found.tensors);
}

namespace detail {

template <fixed_string... Paths, class... Tensors>
[[nodiscard]] auto make_by_path(Tensors... tensors) {
    return by_path<path_list<Paths...>, Tensors...>{
        leaves_for<Tensors...>{std::in_place, std::move(tensors)...}};
}

} // namespace detail

inline namespace HOOKCAM_INSTRUCTION_SET {

/// The outputs of layers, after their hooks: `auto found = activations<"conv3", "fc1">(model, image)`, then
/// `get<"conv3">(found)`. The result owns its memory, and lies on the device where the image does.
template <fixed_string Path, fixed_string... More, class Model, class Input>
    requires detail::can_be_planned<Model>
[[nodiscard]] auto activations(Model const& of, Input const& image) {
    auto once = plan(of, activations_request<Path, More...>{});
    once(image);
    return detail::make_by_path<Path, More...>(
        detail::owned_like(image, once.template activation<Path>()),
        detail::owned_like(image, once.template activation<More>())...);
}

/// The gradients of a score (the predicted class's logit, or that of the target) with respect to the outputs
/// of layers, as `activations` gives those. The result owns its memory.
template <fixed_string Path, fixed_string... More, class Model, class Input, class... Target>
    requires detail::can_be_planned<Model>
[[nodiscard]] auto gradients(Model const& of, Input const& image, Target const&... target) {
    auto once = plan(of, gradients_request<Path, More...>{});
    using plan_type = decltype(once);
    grad_cam_result<typename plan_type::value_type, plan_type::output_shape::rank, Path> scores;
    detail::choice_on_device<typename plan_type::value_type> choice;
    detail::cam_walk<logit_score>{}.run(
        once, image, scores, choice, [] {}, target...);
    return detail::make_by_path<Path, More...>(detail::owned_like(image, once.template gradient<Path>()),
                                               detail::owned_like(image, once.template gradient<More>())...);
}

} // namespace HOOKCAM_INSTRUCTION_SET

} // namespace hookcam
