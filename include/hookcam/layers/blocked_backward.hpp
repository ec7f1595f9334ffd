#pragma once

#include "../core/instruction_set.hpp"

#include <cstddef>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// The images of a batch that a backward step is at.
struct part_of_batch {
    std::size_t images = 0;
    bool is_first = true;
    bool is_last = true;
};

/// How a plan runs the backward of a layer whose forward has a `blocked_kernel`, where it has more than the dense one.
/// Gradients come blocked or dense: a layout of no block stands for N,C,H,W. Specialised in the folder of a layer, with
///
/// - `takes_blocked<T>`: whether the gradient of the input may be asked for in blocks of a vector's width;
/// - `packed_size<T>()`, in elements, and `pack(own, packed)`: the parameters in the order in which `to_input` reads them;
/// - `scratch<T>(workers, in, out)`, in elements, for either of
/// - `to_input(device, images, workers, grad_y, packed, grad_x, scratch)` and
/// - `to_parameters<InBlock>(device, part, workers, x, grad_y, gradients, sums, scratch)`, where `x` is blocked as forward
///   sees it. It is called for one part of the batch after the other, adds to `sums`, and writes `gradients` with the last;
/// - `sums_size<T>()`, in elements: what stays from one part to the next.
template <class Layer>
struct blocked_backward {
    static constexpr bool exists = false;
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
