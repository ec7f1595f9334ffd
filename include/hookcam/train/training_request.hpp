#pragma once

#include "../core/fixed_string.hpp"
#include "../plan/requests.hpp"

#include <cstddef>
#include <cstdint>

namespace hookcam {

// What a training plan is asked for: `with_input_gradient` around one of these adds the gradient of the input.

/// Asks a training plan to train the whole network.
struct train_all {
    using frozen = path_list<>;
    using trained = path_list<>;
    std::uint64_t seed = 0; ///< of the masks of dropout
};

/// Asks a training plan to leave layers, or composites with all that is below them, as they are: `freeze<"conv1",
/// "layer1">{}`. What is frozen runs as in inference (batch norm with its running statistics, dropout not at all) and
/// has no gradients; where nothing in front of it is trained, backward stops behind it.
template <fixed_string... Paths>
struct freeze {
    using frozen = path_list<Paths...>;
    using trained = path_list<>;
    std::uint64_t seed = 0; ///< of the masks of dropout
};

/// Asks a training plan to train these layers or composites, and to freeze all others.
template <fixed_string... Paths>
struct train_only {
    using frozen = path_list<"">;
    using trained = path_list<Paths...>;
    std::uint64_t seed = 0; ///< of the masks of dropout
};

namespace detail {

struct training;

template <class Request>
constexpr bool asks_for_input_gradient() {
    if constexpr (requires { Request::input_gradient; })
        return Request::input_gradient;
    else
        return false;
}

/// Such a request, with all that a plan reads of it.
template <class Request>
struct request_to_train : Request {
    using mode = training;
    static constexpr bool differentiates = true;
    static constexpr bool input_gradient = asks_for_input_gradient<Request>();
    static constexpr bool parameter_gradients = true;
    using activations = path_list<>;
    using gradients = path_list<>;
    static constexpr bool chooses_path = false;
    template <class T, std::size_t OutputRank>
    using storage = no_storage;
};

} // namespace detail

} // namespace hookcam
