#pragma once

// Composition, layers, hooks, plans and explanation: all that a program needs to see inside a network.
// Weights, pictures and data sets have headers of their own beside this one.
#include "compose/concat.hpp"
#include "compose/indexed.hpp"
#include "compose/multiply.hpp"
#include "compose/named.hpp"
#include "compose/output_shape.hpp"
#include "compose/paths.hpp"
#include "compose/residual.hpp"
#include "compose/sequential.hpp"
#include "core/threads.hpp"
#include "explain/features.hpp"
#include "explain/grad_cam.hpp"
#include "layers.hpp"
#include "plan/model.hpp"
#include "plan/plan.hpp"
#include "version.hpp"
// slots: begin
#include "plan/attach.hpp"
#include "plan/runtime_hooks.hpp"
// slots: end
