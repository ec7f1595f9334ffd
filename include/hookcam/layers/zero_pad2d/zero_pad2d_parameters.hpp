#pragma once

#include <cstddef>

namespace hookcam::kernels {

/// What the kernels of a padding must know beside their pointers. A plane is one channel of one image.
struct zero_pad2d_parameters {
    std::size_t planes = 0;
    std::size_t in_height = 0;
    std::size_t in_width = 0;
    std::size_t out_height = 0;
    std::size_t out_width = 0;
    std::size_t top = 0;
    std::size_t left = 0;
};

} // namespace hookcam::kernels
