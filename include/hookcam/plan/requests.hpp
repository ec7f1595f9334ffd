#pragma once

#include "../compose/paths.hpp"
#include "../core/fixed_string.hpp"
#include "../core/lists.hpp"
#include "watch.hpp"

#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

namespace hookcam {

// A request says by its type what a plan computes; what was not asked for is not compiled. The members that a
// plan reads are those of `logits_request`; `run(plan, input, …)` is what calling the plan does.

/// For a request whose results are the plan's views alone.
struct no_storage {};

/// A list of paths.
template <fixed_string... Paths>
struct path_list {
    /// How many there are.
    static constexpr std::size_t size = sizeof...(Paths);
};

/// The output and nothing else: an inference plan, without any gradient.
struct logits_request {
    static constexpr bool differentiates = false;
    static constexpr bool input_gradient = false;
    static constexpr bool parameter_gradients = false;
    /// Layers whose output the plan keeps, and layers whose output's gradient it keeps too.
    using activations = path_list<>;
    using gradients = path_list<>;
    /// True where the layer to keep is given as a string, when the plan is made.
    static constexpr bool chooses_path = false;
    /// What the plan keeps of the request's results from call to call.
    template <class T, std::size_t OutputRank>
    using storage = no_storage;

    /// Returns a view of the output.
    template <class Plan, class Input>
    auto run(Plan& plan, Input const& input) {
        return plan.forward(input);
    }
};

/// The outputs of layers: feature extraction. After a call `plan.template activation<"conv3">()` is a view of
/// one.
template <fixed_string... Paths>
struct activations_request : logits_request {
    static_assert(sizeof...(Paths) > 0, "hookcam::activations: must name a layer; give at least one path");
    using activations = path_list<Paths...>;
};

/// The outputs of layers and their gradients, which `plan.backward(gradient)` computes after
/// `plan.forward(input)`, or a call of the plan in one go.
template <fixed_string... Paths>
struct gradients_request {
    static constexpr bool differentiates = true;
    static constexpr bool input_gradient = false;
    static constexpr bool parameter_gradients = false;
    using activations = path_list<Paths...>;
    using gradients = path_list<Paths...>;
    static constexpr bool chooses_path = false;
    /// What the plan keeps of the request's results from call to call.
    template <class T, std::size_t OutputRank>
    using storage = no_storage;

    /// Forward, and backward from `grad_output`, an expression of the output's shape. Returns a view of the
    /// output.
    template <class Plan, class Input, class Gradient>
    auto run(Plan& plan, Input const& input, Gradient const& grad_output) {
        auto const output = plan.forward(input);
        plan.backward(grad_output);
        return output;
    }
};

/// Adds the gradient of the network's input to a request.
template <class Request>
struct with_input_gradient : Request {
    using Request::Request;
    static constexpr bool differentiates = true;
    static constexpr bool input_gradient = true;
};

/// Adds the gradients of all parameters to a request.
template <class Request>
struct with_parameter_gradients : Request {
    using Request::Request;
    static constexpr bool differentiates = true;
    static constexpr bool parameter_gradients = true;
};

namespace detail {

template <template <std::size_t> class Keep, class Paths, class Indices>
struct kept_of;
template <template <std::size_t> class Keep, fixed_string... Paths, std::size_t... Indices>
struct kept_of<Keep, path_list<Paths...>, std::index_sequence<Indices...>> {
    using type = list<at<Paths, 0, Keep<Indices>>...>;
};
template <template <std::size_t> class Keep, class Paths>
using kept_items_of = typename kept_of<Keep, Paths, std::make_index_sequence<Paths::size>>::type;

/// What a request keeps, as items of a watch.
template <class Request>
using items_of_request = concatenate<kept_items_of<keep_value, typename Request::activations>,
                                     kept_items_of<keep_gradient, typename Request::gradients>>;

template <fixed_string Wanted, fixed_string... Paths>
constexpr std::size_t index_of_path(path_list<Paths...>) {
    std::size_t index = 0;
    bool found = false;
    ((found = found || Paths.view() == Wanted.view(), index += found ? 0u : 1u), ...);
    return index;
}

template <class Network, fixed_string... Paths>
constexpr bool check_paths(path_list<Paths...>) {
    return (true && ... && check_path<Network, Paths>());
}

} // namespace detail

} // namespace hookcam
