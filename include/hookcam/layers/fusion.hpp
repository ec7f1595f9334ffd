#pragma once

#include "../core/window.hpp"
#include "../tensor/blocked.hpp"

#include <limits>

namespace hookcam::detail {

/// What a layer is to one in front of it that computes sums: something to be done to each sum before it is stored, so
/// that the sum itself never goes through memory.
enum class fusion {
    nothing,
    identity,        ///< it hands its input on: no step at all
    scale_and_shift, ///< x·scale + shift for each channel: `Layer::scale_and_shift(own, channel)` gives both
    rectifier,       ///< max(x, 0)
    clamp,           ///< min(max(x, 0), `Layer::function.largest`)
    max_pooling,     ///< the largest of each of `Layer::windows`
};

/// True of what sets to zero all that is below.
[[nodiscard]] constexpr bool rectifies(fusion what) noexcept {
    return what == fusion::rectifier || what == fusion::clamp;
}

/// Said of a layer in its folder, of that very type: what is derived from it may do something else.
template <class Layer>
inline constexpr auto fuses_as = fusion::nothing;

/// What a layer's kernels of a device can do first to a sum before they store it, and then whatever comes later in the list
/// up to the rectifier: its forward takes a `kernels::sum_ending` more. Said of that very type too.
template <class Layer>
inline constexpr auto ends_with = fusion::nothing;

inline namespace HOOKCAM_INSTRUCTION_SET {

/// What is done to sums over blocked channels before they are stored, in this order. Arrays are padded to whole blocks.
template <class T>
struct sum_finish {
    T const* scale = nullptr; ///< y·scale + shift for each channel, where it is not null
    T const* shift = nullptr;
    T const* term = nullptr; ///< a second term: a batch like the output, where it is not null
    blocked_layout term_layout;
    bool rectifies = false;
    bool pools = false; ///< stores the maximum of each window only
    window pool_rows;
    window pool_columns;
    T largest = std::numeric_limits<T>::infinity(); ///< of what it rectifies

    [[nodiscard]] bool clamps() const noexcept { return largest < std::numeric_limits<T>::infinity(); }
};

} // namespace HOOKCAM_INSTRUCTION_SET

} // namespace hookcam::detail
