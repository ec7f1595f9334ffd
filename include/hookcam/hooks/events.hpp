#pragma once

namespace hookcam {

/// The points of a computation at which a hook can be called.
namespace events {

/// Before a layer runs: (layer, input). A returned expression replaces the input.
struct forward_pre {};
/// After a layer ran: (layer, input, output). A returned expression replaces the output.
struct forward {};
/// Before a layer's backward: (layer, grad_output). A returned expression replaces grad_output.
struct backward_pre {};
/// After a layer's backward: (layer, grad_input, grad_output). A returned expression replaces grad_input.
struct backward {};
/// When the gradient of a parameter is complete: (layer, name, gradient). A returned expression replaces it.
struct parameter_gradient {};

} // namespace events

} // namespace hookcam
