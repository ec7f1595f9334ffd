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

namespace hookcam::detail {

/// Those of a view N,C,H,W or N,F.
[[nodiscard]] kernels::softmax_parameters along_channels(auto const& x) {
    kernels::softmax_parameters of{x.shape()[0], x.shape()[1], 1};
    for (std::size_t axis = 2; axis < x.dimension(); ++axis)
        of.plane *= x.shape()[axis];
    return of;
}

} // namespace hookcam::detail
