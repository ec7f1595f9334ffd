#pragma once

#include "../../tensor/device.hpp"
#include "../pool2d_cuda.hpp"
#include "zero_pad2d_parameters.hpp"

#include <cstddef>

namespace hookcam::kernels {

/// An element amid zeros, or a zero.
struct zero_pad2d_element {
    static constexpr char const* name = "zero_pad2d";
    pool2d_cuda_sizes of;
    int top;
    int left;
    float const* x;
    float* y;

    HOOKCAM_DEVICE void operator()(std::size_t index) const {
        auto const at = cuda_pixel_of(index, of.by_out_plane, of.by_out_width);
        int const row = at.row - top;
        int const column = at.column - left;
        bool const is_inside = row >= 0 && row < of.in_height && column >= 0 && column < of.in_width;
        float const* const plane = x + std::size_t{at.plane} * of.by_in_plane.divisor;
        y[index] = is_inside ? plane[row * of.in_width + column] : 0.0f;
    }
};

/// An element of the gradient without its borders.
struct zero_pad2d_backward_element {
    static constexpr char const* name = "zero_pad2d_backward";
    pool2d_cuda_sizes of;
    int top;
    int left;
    float const* grad_y;
    float* grad_x;

    HOOKCAM_DEVICE void operator()(std::size_t index) const {
        auto const at = cuda_pixel_of(index, of.by_in_plane, of.by_in_width);
        grad_x[index] = grad_y[std::size_t{at.plane} * of.by_out_plane.divisor +
                               static_cast<unsigned>((at.row + top) * of.out_width + at.column + left)];
    }
};

/// Its sizes, for a kernel.
[[nodiscard]] inline pool2d_cuda_sizes zero_pad2d_cuda_sizes(zero_pad2d_parameters const& of) {
    return pool2d_cuda_sizes{pool2d_sizes{of.planes, of.in_height, of.in_width, of.out_height, of.out_width}};
}

/// y = x amid zeros.
template <detail::a_gpu Device>
void zero_pad2d(Device const& on, zero_pad2d_parameters const& of, float const* x, float* y) {
    for_each_element(on, of.planes * of.out_height * of.out_width,
                     zero_pad2d_element{zero_pad2d_cuda_sizes(of), static_cast<int>(detail::narrow(of.top)),
                                        static_cast<int>(detail::narrow(of.left)), x, y});
}

/// grad_x = grad_y without its borders.
template <detail::a_gpu Device>
void zero_pad2d_backward(Device const& on, zero_pad2d_parameters const& of, float const* grad_y,
                         float* grad_x) {
    for_each_element(on, of.planes * of.in_height * of.in_width,
                     zero_pad2d_backward_element{zero_pad2d_cuda_sizes(of),
                                                 static_cast<int>(detail::narrow(of.top)),
                                                 static_cast<int>(detail::narrow(of.left)), grad_y, grad_x});
}

} // namespace hookcam::kernels
