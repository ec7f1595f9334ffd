#pragma once

#include "../core/lists.hpp"

namespace hookcam::detail {

/// How layers behave in a plan, as a type. In inference each of them is what it is, wherever it stands; a mode in which
/// that is otherwise derives from this one and says what differs.
struct inference {
    /// True where something else runs in the layer's place: then `lower(into, layer, node, in)` appends that.
    template <class Layer>
    static constexpr bool changes = false;
    /// The facts that hold inside of a node at which `Here` waits.
    template <class Facts, class Here>
    using inside = Facts;
    /// What waits in the network for the mode's own sake, as items of a watch.
    template <class Request>
    using items = list<>;
    /// The tape, with what the mode adds to it.
    template <class Tape>
    using tape = Tape;
};

/// The mode that a request names as its member `mode`; inference where it names none.
template <class Request>
struct mode_of_request {
    using type = inference;
};
template <class Request>
    requires requires {
        typename Request::mode;
    }
struct mode_of_request<Request> {
    using type = typename Request::mode;
};
template <class Request>
using mode_of = typename mode_of_request<Request>::type;

} // namespace hookcam::detail
