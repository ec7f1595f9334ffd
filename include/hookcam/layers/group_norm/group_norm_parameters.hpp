#pragma once

#include <cstddef>

namespace hookcam::kernels {

/// What the kernels of a group norm must know beside their pointers. Memory lies as N,channels,plane, and the
/// channels in `groups` groups, which are normalized apart.
struct group_norm_parameters {
    std::size_t batch = 0;
    std::size_t channels = 0;
    std::size_t plane = 1;
    std::size_t groups = 1;
    double eps = 0;

    [[nodiscard]] constexpr std::size_t group_channels() const noexcept { return channels / groups; }
    /// Elements that are normalized together.
    [[nodiscard]] constexpr std::size_t group_size() const noexcept { return group_channels() * plane; }
};

} // namespace hookcam::kernels
