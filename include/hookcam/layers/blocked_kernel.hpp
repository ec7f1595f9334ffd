#pragma once

#include "../core/instruction_set.hpp"

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// How a plan runs a layer over images whose channels are blocked. Specialised in the folder of a layer that can, with
///
/// - `border`: how far windows reach beyond the image;
/// - `in_block<T>`: the block that it wants of an image that is not blocked yet, and `takes_block<T, Block>`: whether it
///   takes another one;
/// - `can_fuse<T>`: whether `run` does what `sum_finish` says;
/// - `variant<Sums>`: what of the shape of its own output, in front of a pooling, `run` is compiled for;
/// - `work<T>`, what a call needs to know, and `work_for(batch, in, sums, out, finish)`, which makes it;
/// - `packed_size(work)`, in elements, and `pack(work, own, packed)`: the parameters in the order in which the kernel
///   reads them;
/// - `scratch(work)`, in elements, for each of `work.workers` threads, and `run<InBlock, Variant>(device, work, x, packed, y, scratch)`.
template <class Layer>
struct blocked_kernel {
    static constexpr bool exists = false;
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
