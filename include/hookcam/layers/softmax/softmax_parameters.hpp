#pragma once

#include <cstddef>

namespace hookcam::kernels {

/// What the kernels of a softmax must know beside their pointers. Memory lies as N,channels,plane; the plane
/// of a feature vector is one element.
struct softmax_parameters {
    std::size_t batch = 0;
    std::size_t channels = 0;
    std::size_t plane = 1;
};

} // namespace hookcam::kernels
