#pragma once

#include "../../tensor/device.hpp"
#include "../pool2d_cuda.hpp"

#include <cstddef>

namespace hookcam::kernels {

/// What an average is divided by, along one axis: with the padding counted, what of the window lies in the padded plane.
[[nodiscard]] HOOKCAM_DEVICE inline int counted_by_average(cuda_window const& of, int index, int input,
                                                           bool padding) {
    if (!padding) {
        auto const seen = range_of(of, index, input);
        return seen.end - seen.begin;
    }
    int const begin = index * of.stride;
    int const padded = of.before + input + of.after;
    return (begin + of.size < padded ? begin + of.size : padded) - begin;
}

/// The mean of a window.
struct avg_pool2d_element {
    static constexpr char const* name = "avg_pool2d";
    pool2d_cuda_sizes of;
    cuda_window rows;
    cuda_window columns;
    bool count_padding;
    float const* x;
    float* y;

    HOOKCAM_DEVICE void operator()(std::size_t index) const {
        auto const at = cuda_pixel_of(index, of.by_out_plane, of.by_out_width);
        auto const high = range_of(rows, at.row, of.in_height);
        auto const wide = range_of(columns, at.column, of.in_width);
        float const* const plane = x + std::size_t{at.plane} * of.by_in_plane.divisor;
        float sum = 0.0f;
        for (int i = high.begin; i < high.end; ++i)
            for (int j = wide.begin; j < wide.end; ++j)
                sum += plane[i * of.in_width + j];
        y[index] =
            sum / static_cast<float>(counted_by_average(rows, at.row, of.in_height, count_padding) *
                                     counted_by_average(columns, at.column, of.in_width, count_padding));
    }
};

/// The gradient of an element: of all windows that have seen it.
struct avg_pool2d_backward_element {
    static constexpr char const* name = "avg_pool2d_backward";
    pool2d_cuda_sizes of;
    cuda_window rows;
    cuda_window columns;
    bool count_padding;
    float const* grad_y;
    float* grad_x;

    HOOKCAM_DEVICE void operator()(std::size_t index) const {
        auto const at = cuda_pixel_of(index, of.by_in_plane, of.by_in_width);
        float const* const plane = grad_y + std::size_t{at.plane} * of.by_out_plane.divisor;
        int const last_row = rows.last_over(at.row, of.out_height);
        int const last_column = columns.last_over(at.column, of.out_width);
        float sum = 0.0f;
        for (int i = rows.first_over(at.row); i <= last_row; ++i)
            for (int j = columns.first_over(at.column); j <= last_column; ++j)
                sum += plane[i * of.out_width + j] /
                       static_cast<float>(counted_by_average(rows, i, of.in_height, count_padding) *
                                          counted_by_average(columns, j, of.in_width, count_padding));
        grad_x[index] = sum;
    }
};

/// y = the mean of what each window sees.
template <detail::a_gpu Device>
void avg_pool2d(Device const& on, pool2d_parameters const& of, float const* x, float* y) {
    for_each_element(on, of.planes * of.out_plane(),
                     avg_pool2d_element{pool2d_cuda_sizes{of}, cuda_window{of.rows}, cuda_window{of.columns},
                                        of.count_padding, x, y});
}

/// Spreads each element of grad_y evenly over what its window saw.
template <detail::a_gpu Device>
void avg_pool2d_backward(Device const& on, pool2d_parameters const& of, float const* grad_y, float* grad_x) {
    for_each_element(on, of.planes * of.in_plane(),
                     avg_pool2d_backward_element{pool2d_cuda_sizes{of}, cuda_window{of.rows},
                                                 cuda_window{of.columns}, of.count_padding, grad_y, grad_x});
}

} // namespace hookcam::kernels
