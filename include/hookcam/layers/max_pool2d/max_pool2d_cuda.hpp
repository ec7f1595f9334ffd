#pragma once

#include "../../tensor/device.hpp"
#include "../pool2d_cuda.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace hookcam::kernels {

/// The largest element of a window, and where it was.
struct max_pool2d_element {
    static constexpr char const* name = "max_pool2d";
    pool2d_cuda_sizes of;
    cuda_window rows;
    cuda_window columns;
    float const* x;
    float* y;
    std::int32_t* chosen;

    HOOKCAM_DEVICE void operator()(std::size_t index) const {
        auto const at = cuda_pixel_of(index, of.by_out_plane, of.by_out_width);
        auto const high = range_of(rows, at.row, of.in_height);
        auto const wide = range_of(columns, at.column, of.in_width);
        float const* const plane = x + std::size_t{at.plane} * of.by_in_plane.divisor;
        bool const is_empty = high.begin == high.end || wide.begin == wide.end;
        float largest = -INFINITY; // by its macro: nvcc takes no function of the host's here
        std::int32_t place = is_empty ? -1 : high.begin * of.in_width + wide.begin;
        for (int i = high.begin; i < high.end; i += rows.dilation)
            for (int j = wide.begin; j < wide.end; j += columns.dilation) {
                float const seen = plane[i * of.in_width + j];
                if (seen > largest || seen != seen) { // NaN is larger than all
                    largest = seen;
                    place = i * of.in_width + j;
                }
            }
        y[index] = largest;
        if (chosen != nullptr)
            chosen[index] = place;
    }
};

/// The gradient of an element: of all windows that have chosen it, in their order.
struct max_pool2d_backward_element {
    static constexpr char const* name = "max_pool2d_backward";
    pool2d_cuda_sizes of;
    cuda_window rows;
    cuda_window columns;
    std::int32_t const* chosen;
    float const* grad_y;
    float* grad_x;

    HOOKCAM_DEVICE void operator()(std::size_t index) const {
        auto const at = cuda_pixel_of(index, of.by_in_plane, of.by_in_width);
        std::size_t const plane = std::size_t{at.plane} * of.by_out_plane.divisor;
        std::int32_t const here = at.row * of.in_width + at.column;
        int const last_row = rows.last_over(at.row, of.out_height);
        int const last_column = columns.last_over(at.column, of.out_width);
        float sum = 0.0f;
        for (int i = rows.first_over(at.row); i <= last_row; ++i)
            for (int j = columns.first_over(at.column); j <= last_column; ++j) {
                std::size_t const out = plane + static_cast<unsigned>(i * of.out_width + j);
                if (chosen[out] == here)
                    sum += grad_y[out];
            }
        grad_x[index] = sum;
    }
};

/// y = the largest element that each window sees, and in `chosen`, where it is not null, its index in its plane.
template <detail::a_gpu Device>
void max_pool2d(Device const& on, pool2d_parameters const& of, float const* x, float* y,
                std::int32_t* chosen) {
    for_each_element(on, of.planes * of.out_plane(),
                     max_pool2d_element{pool2d_cuda_sizes{of}, cuda_window{of.rows}, cuda_window{of.columns},
                                        x, y, chosen});
}

/// Adds each element of grad_y to the element of grad_x that was chosen for it.
template <detail::a_gpu Device>
void max_pool2d_backward(Device const& on, pool2d_parameters const& of, std::int32_t const* chosen,
                         float const* grad_y, float* grad_x) {
    for_each_element(on, of.planes * of.in_plane(),
                     max_pool2d_backward_element{pool2d_cuda_sizes{of}, cuda_window{of.rows},
                                                 cuda_window{of.columns}, chosen, grad_y, grad_x});
}

} // namespace hookcam::kernels
