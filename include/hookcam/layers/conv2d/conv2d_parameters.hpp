#pragma once

#include "../../core/window.hpp"

#include <cstddef>

namespace hookcam::kernels {

/// What a convolution's kernels must know beside their pointers. Images and weights lie in memory as N,C,H,W
/// and Out,In/groups,kh,kw.
struct conv2d_parameters {
    std::size_t batch = 0;
    std::size_t in_channels = 0;
    std::size_t out_channels = 0;
    std::size_t groups = 1;
    std::size_t in_height = 0;
    std::size_t in_width = 0;
    std::size_t out_height = 0;
    std::size_t out_width = 0;
    window rows;
    window columns;

    /// Channels that one output element sees.
    [[nodiscard]] constexpr std::size_t group_in() const noexcept { return in_channels / groups; }
    [[nodiscard]] constexpr std::size_t group_out() const noexcept { return out_channels / groups; }
    /// Elements of the window.
    [[nodiscard]] constexpr std::size_t window_size() const noexcept { return rows.kernel * columns.kernel; }
    /// Elements of the input that one output element sees: the terms of its sum.
    [[nodiscard]] constexpr std::size_t terms() const noexcept { return group_in() * window_size(); }
    [[nodiscard]] constexpr std::size_t in_plane() const noexcept { return in_height * in_width; }
    [[nodiscard]] constexpr std::size_t out_plane() const noexcept { return out_height * out_width; }
};

/// Terms of a sum that are taken at a time: the rounding error of a sum grows with its length, so long ones
/// are summed in parts. (Measured on 288 terms in float: a third of the error of one sum. A max-pool behind
/// the convolution sends gradients another way where rounding turns a near tie.)
inline constexpr std::size_t terms_at_a_time = 192;

} // namespace hookcam::kernels
