#pragma once

#include "../core/window.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::kernels {

/// The sizes of a pooling. A plane is one channel of one image.
struct pool2d_sizes {
    std::size_t planes = 0;
    std::size_t in_height = 0;
    std::size_t in_width = 0;
    std::size_t out_height = 0;
    std::size_t out_width = 0;

    [[nodiscard]] constexpr std::size_t in_plane() const noexcept { return in_height * in_width; }
    [[nodiscard]] constexpr std::size_t out_plane() const noexcept { return out_height * out_width; }
};

/// What the kernels of a pooling by windows must know beside their pointers.
struct pool2d_parameters : pool2d_sizes {
    window rows;
    window columns;
    /// True where an average counts the padding as zeros.
    bool count_padding = true;
};

/// The elements of an axis from `begin`, below `end`.
struct element_range {
    std::size_t begin = 0;
    std::size_t end = 0;

    [[nodiscard]] constexpr std::size_t size() const noexcept { return end - begin; }
};

/// The elements of an axis that the window at an output index sees: every `dilation`-th of this range.
[[nodiscard]] constexpr element_range seen_by(window const& w, std::size_t index,
                                              std::size_t input) noexcept {
    // Positions are counted in the padded axis, where they are never negative.
    std::size_t begin = index * w.stride;
    std::size_t const end = std::min(begin + w.span(), w.before + input);
    if (begin < w.before)
        begin += (w.before - begin + w.dilation - 1) / w.dilation * w.dilation;
    if (begin >= end)
        return {};
    return {begin - w.before, end - w.before};
}

/// The part of an axis of `in` elements that output `index` of `out` of an adaptive pooling sees, PyTorch's
/// formula: from floor(index·in/out) to ceil((index + 1)·in/out).
[[nodiscard]] constexpr element_range adaptive_range(std::size_t index, std::size_t in,
                                                     std::size_t out) noexcept {
    return {index * in / out, ((index + 1) * in + out - 1) / out};
}

/// Calls `visit(rows, columns)` for every output element of a plane of an adaptive pooling, in order.
template <class Visit>
void for_each_part(pool2d_sizes const& of, Visit&& visit) {
    for (std::size_t i = 0; i < of.out_height; ++i) {
        auto const rows = adaptive_range(i, of.in_height, of.out_height);
        for (std::size_t j = 0; j < of.out_width; ++j)
            visit(rows, adaptive_range(j, of.in_width, of.out_width));
    }
}

} // namespace hookcam::kernels
