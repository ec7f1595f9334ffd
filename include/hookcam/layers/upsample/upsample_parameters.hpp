#pragma once

#include <cstddef>

namespace hookcam::kernels {

/// What the kernels of an upsampling must know beside their pointers. A plane is one channel of one image.
struct upsample_parameters {
    std::size_t planes = 0;
    std::size_t in_height = 0;
    std::size_t in_width = 0;
    std::size_t scale = 1;

    [[nodiscard]] constexpr std::size_t out_height() const noexcept { return in_height * scale; }
    [[nodiscard]] constexpr std::size_t out_width() const noexcept { return in_width * scale; }
};

} // namespace hookcam::kernels
