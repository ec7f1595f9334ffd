#pragma once

#include "../core/instruction_set.hpp"
#include "../tensor/blocked.hpp"
#include "elementwise.hpp"

#include <cstddef>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// How a plan runs a layer without parameters over an image whose channels are blocked already, in whole vectors.
/// Specialised in the folder of a layer that can, of that very type, with `run(device, batch, in, out, x, y)`: the
/// layouts of x and y. Every bit is that of the layer's `forward`. Where `is_by_planes`, each block of channels of y is made
/// of the same block of x alone, and `run` may be given one block by itself, for threads to share them.
template <class Layer>
struct blocked_map {
    static constexpr bool exists = false;
};

/// For layers that map every element by itself: `kernels::elementwise` with their `function`.
template <class Layer>
struct blocked_elementwise {
    static constexpr bool exists = true;
    static constexpr bool is_by_planes = true;

    template <class Device, class T>
    static void run(Device device, std::size_t batch, blocked_layout const& in, blocked_layout const& out,
                    T const* x, T* y) {
        for_each_row_of_both(in, out, batch, x, y, [&](T const* from, T* to, std::size_t) {
            kernels::elementwise(device, Layer::function, in.width * in.block, from, to);
        });
        clear_rest_of_block(out, batch, y); // a function of zero need not be zero
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
