#pragma once

#include "extents.hpp"

#include <cstddef>

namespace hookcam {

/// A window that slides along one axis: kernel size, stride, dilation, and the padding before and after.
struct window {
    std::size_t kernel = 1;   ///< elements
    std::size_t stride = 1;   ///< from one window to the next
    std::size_t dilation = 1; ///< from one element of a window to the next
    std::size_t before = 0;   ///< padding in front of the first element
    std::size_t after = 0;    ///< padding behind the last

    /// The length that one window covers.
    [[nodiscard]] constexpr std::size_t span() const noexcept { return dilation * (kernel - 1) + 1; }

    /// True where there is at least one window. Rounded up, one may reach out of the padded input by less
    /// than a stride, the first too.
    [[nodiscard]] constexpr bool fits(std::size_t input, bool up = false) const noexcept {
        return input == dynamic || input + before + after + (up ? stride - 1 : 0) >= span();
    }

    /// The number of windows, PyTorch's formula: floor((input + padding − dilation·(kernel − 1) − 1) /
    /// stride) + 1. With `up` it rounds up, and a last window that would begin in the padding behind the
    /// input is left out. `dynamic` stays `dynamic`; the window must fit.
    [[nodiscard]] constexpr std::size_t count(std::size_t input, bool up = false) const noexcept {
        if (input == dynamic)
            return dynamic;
        std::size_t const room = input + before + after + (up ? stride - 1 : 0) - span();
        std::size_t windows = room / stride + 1;
        if (up && (windows - 1) * stride >= input + before)
            --windows;
        return windows;
    }
};

} // namespace hookcam
