#pragma once

#include "../core/window.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::kernels {

/// What the kernels of a pooling must know beside their pointers. A plane is one channel of one image.
struct pool2d_parameters {
    std::size_t planes = 0;
    std::size_t in_height = 0;
    std::size_t in_width = 0;
    std::size_t out_height = 0;
    std::size_t out_width = 0;
    window rows;
    window columns;
    /// True where an average counts the padding as zeros.
    bool count_padding = true;

    [[nodiscard]] constexpr std::size_t in_plane() const noexcept { return in_height * in_width; }
    [[nodiscard]] constexpr std::size_t out_plane() const noexcept { return out_height * out_width; }
};

/// The elements of an axis from `begin`, below `end`.
struct element_range {
    std::size_t begin = 0;
    std::size_t end = 0;
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

} // namespace hookcam::kernels
