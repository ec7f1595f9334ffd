#pragma once

#include <cstddef>

namespace hookcam::kernels {

/// What the kernels of a padded shortcut must know beside their pointers.
struct pad_shortcut_parameters {
    std::size_t batch = 0;
    std::size_t in_channels = 0;
    std::size_t out_channels = 0;
    std::size_t in_height = 0;
    std::size_t in_width = 0;
    std::size_t out_height = 0;
    std::size_t out_width = 0;
    std::size_t row_stride = 1;
    std::size_t column_stride = 1;

    /// Zero channels in front of the input's.
    [[nodiscard]] constexpr std::size_t channels_before() const noexcept {
        return (out_channels - in_channels) / 2;
    }
};

} // namespace hookcam::kernels
