#pragma once

#include "../core/instruction_set.hpp"
#include "../plan/runtime_hooks.hpp"
#include "../tensor/device_view.hpp"
#include "training_plan.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace hookcam {

namespace detail {

template <class Tensor>
[[nodiscard]] bool is_finite(Tensor const& tensor) {
    auto const& numbers = here(tensor);
    return std::all_of(numbers.begin(), numbers.end(), [](auto number) { return std::isfinite(number); });
}

} // namespace detail

inline namespace HOOKCAM_INSTRUCTION_SET {

/// Which layer's output is the first that is not finite when a training plan runs a model on images: its path, in a
/// sentence's words such as `the layer "conv2"`; empty where all are finite. It runs the images once more, with a plan
/// of its own that draws what the training's did at `moment`, and leaves model and plan as they are.
template <class Model, class Training, class Images>
[[nodiscard]] std::string first_not_finite(Model& model, Training const& training, Images const& images,
                                           training_moment moment) {
    if (!detail::is_finite(images))
        return "the images";
    std::string found;
    auto open = with_runtime_hooks(model);
    std::vector<hook_handle> handles;
    for (auto const& path : paths<typename Training::network_type>())
        handles.push_back(
            open.at(path).register_forward_hook([&](auto const& layer, auto const&, auto const& output) {
                if (found.empty() && !detail::is_finite(output))
                    found = "the layer \"" + std::string{layer.path()} + "\", a " +
                            std::string{layer.type_name()};
            }));
    auto again = training_plan<typename Training::input_shape>(open, training.request());
    again.resume_at(moment);
    if (!detail::is_finite(again.forward(images)) && found.empty())
        found = "the network";
    return found;
}

} // namespace HOOKCAM_INSTRUCTION_SET

} // namespace hookcam
