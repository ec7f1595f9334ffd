#pragma once

namespace hookcam::detail {

/// What a layer is to one in front of it that computes sums: something to be done to each sum before it is stored,
/// so that the sum itself never goes through memory.
enum class fusion {
    nothing,
    scale_and_shift, ///< x·scale + shift for each channel: `Layer::scale_and_shift(own, channel)` gives both
    rectifier,       ///< max(x, 0)
    max_pooling,     ///< the largest of each of `Layer::windows`
};

} // namespace hookcam::detail
