#pragma once

#include "../../tensor/device.hpp"
#include "../pool2d_cuda.hpp"
#include "pad_shortcut_parameters.hpp"

#include <cstddef>

namespace hookcam::kernels {

/// The sizes of a padded shortcut, for a kernel. A pooling's: planes of kept pixels.
struct pad_shortcut_cuda_sizes {
    pool2d_cuda_sizes planes;
    detail::fast_divisor by_in_channels;
    detail::fast_divisor by_out_channels;
    unsigned before;
    int row_stride;
    int column_stride;

    pad_shortcut_cuda_sizes() = default;
    explicit pad_shortcut_cuda_sizes(pad_shortcut_parameters const& of)
        : planes{pool2d_sizes{of.batch * of.out_channels, of.in_height, of.in_width, of.out_height,
                              of.out_width}},
          by_in_channels{of.in_channels},
          by_out_channels{of.out_channels},
          before{detail::narrow(of.channels_before())},
          row_stride{static_cast<int>(detail::narrow(of.row_stride))},
          column_stride{static_cast<int>(detail::narrow(of.column_stride))} {}
};

/// A kept pixel, or zero.
struct pad_shortcut_element {
    static constexpr char const* name = "pad_shortcut";
    pad_shortcut_cuda_sizes of;
    float const* x;
    float* y;

    HOOKCAM_DEVICE void operator()(std::size_t index) const {
        auto const at = cuda_pixel_of(index, of.planes.by_out_plane, of.planes.by_out_width);
        unsigned const image = of.by_out_channels.quotient(at.plane);
        unsigned const channel = at.plane - image * of.by_out_channels.divisor - of.before; // wraps in front
        unsigned const channels = of.by_in_channels.divisor;
        y[index] = channel < channels
                       ? x[(std::size_t{image} * channels + channel) * of.planes.by_in_plane.divisor +
                           static_cast<unsigned>(at.row * of.row_stride * of.planes.in_width +
                                                 at.column * of.column_stride)]
                       : 0.0f;
    }
};

/// The gradient of a kept pixel, or zero.
struct pad_shortcut_backward_element {
    static constexpr char const* name = "pad_shortcut_backward";
    pad_shortcut_cuda_sizes of;
    float const* grad_y;
    float* grad_x;

    HOOKCAM_DEVICE void operator()(std::size_t index) const {
        auto const at = cuda_pixel_of(index, of.planes.by_in_plane, of.planes.by_in_width);
        unsigned const image = of.by_in_channels.quotient(at.plane);
        unsigned const channel = at.plane - image * of.by_in_channels.divisor + of.before;
        bool const is_kept = at.row % of.row_stride == 0 && at.column % of.column_stride == 0;
        grad_x[index] = is_kept ? grad_y[(std::size_t{image} * of.by_out_channels.divisor + channel) *
                                             of.planes.by_out_plane.divisor +
                                         static_cast<unsigned>(at.row / of.row_stride * of.planes.out_width +
                                                               at.column / of.column_stride)]
                                : 0.0f;
    }
};

/// y = the kept pixels of x between channels of zeros.
template <detail::a_gpu Device>
void pad_shortcut(Device const& on, pad_shortcut_parameters const& of, float const* x, float* y) {
    for_each_element(on, of.batch * of.out_channels * of.out_height * of.out_width,
                     pad_shortcut_element{pad_shortcut_cuda_sizes{of}, x, y});
}

/// grad_x = grad_y at the kept pixels, zero at the others.
template <detail::a_gpu Device>
void pad_shortcut_backward(Device const& on, pad_shortcut_parameters const& of, float const* grad_y,
                           float* grad_x) {
    for_each_element(on, of.batch * of.in_channels * of.in_height * of.in_width,
                     pad_shortcut_backward_element{pad_shortcut_cuda_sizes{of}, grad_y, grad_x});
}

} // namespace hookcam::kernels
