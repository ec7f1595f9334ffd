#pragma once

#include "../../tensor/device.hpp"
#include "../pool2d_cuda.hpp"

#include <cmath>
#include <cstddef>

namespace hookcam::kernels {

/// base^exponent by squaring, in a kernel.
[[nodiscard]] HOOKCAM_DEVICE inline float cuda_whole_power(float base, unsigned exponent) {
    float result = 1.0f;
    for (; exponent != 0; exponent /= 2, base *= base)
        if (exponent % 2 != 0)
            result *= base;
    return result;
}

/// The p-norm of a window. Windows have neither padding nor dilation.
struct lp_pool2d_element {
    static constexpr char const* name = "lp_pool2d";
    pool2d_cuda_sizes of;
    cuda_window rows;
    cuda_window columns;
    unsigned norm;
    float const* x;
    float* y;

    HOOKCAM_DEVICE void operator()(std::size_t index) const {
        auto const at = cuda_pixel_of(index, of.by_out_plane, of.by_out_width);
        float const* const plane = x + std::size_t{at.plane} * of.by_in_plane.divisor;
        float sum = 0.0f;
        for (int i = at.row * rows.stride; i < at.row * rows.stride + rows.size; ++i)
            for (int j = at.column * columns.stride; j < at.column * columns.stride + columns.size; ++j)
                sum += cuda_whole_power(std::fabs(plane[i * of.in_width + j]), norm);
        y[index] = norm == 2 ? std::sqrt(sum) : std::pow(sum, 1.0f / static_cast<float>(norm));
    }
};

/// The gradient of an element: of all windows that have seen it.
struct lp_pool2d_backward_element {
    static constexpr char const* name = "lp_pool2d_backward";
    pool2d_cuda_sizes of;
    cuda_window rows;
    cuda_window columns;
    unsigned norm;
    float const* x;
    float const* y;
    float const* grad_y;
    float* grad_x;

    HOOKCAM_DEVICE void operator()(std::size_t index) const {
        auto const at = cuda_pixel_of(index, of.by_in_plane, of.by_in_width);
        std::size_t const plane = std::size_t{at.plane} * of.by_out_plane.divisor;
        float const own = x[index];
        int const last_row = rows.last_over(at.row, of.out_height);
        int const last_column = columns.last_over(at.column, of.out_width);
        float sum = 0.0f;
        for (int i = rows.first_over(at.row); i <= last_row; ++i)
            for (int j = columns.first_over(at.column); j <= last_column; ++j) {
                std::size_t const out = plane + static_cast<unsigned>(i * of.out_width + j);
                if (own == 0.0f || y[out] == 0.0f)
                    continue;
                float const share = cuda_whole_power(std::fabs(own) / y[out], norm - 1);
                sum += grad_y[out] * (own < 0.0f ? -share : share);
            }
        grad_x[index] = sum;
    }
};

/// y = (Σ |x|^norm)^(1/norm) over each window.
template <detail::a_gpu Device>
void lp_pool2d(Device const& on, pool2d_parameters const& of, std::size_t norm, float const* x, float* y) {
    for_each_element(on, of.planes * of.out_plane(),
                     lp_pool2d_element{pool2d_cuda_sizes{of}, cuda_window{of.rows}, cuda_window{of.columns},
                                       detail::narrow(norm), x, y});
}

/// Each element gets sign(x)·(|x|/y)^(norm − 1) of its window's gradient, and nothing where y is zero.
template <detail::a_gpu Device>
void lp_pool2d_backward(Device const& on, pool2d_parameters const& of, std::size_t norm, float const* x,
                        float const* y, float const* grad_y, float* grad_x) {
    for_each_element(on, of.planes * of.in_plane(),
                     lp_pool2d_backward_element{pool2d_cuda_sizes{of}, cuda_window{of.rows},
                                                cuda_window{of.columns}, detail::narrow(norm), x, y, grad_y,
                                                grad_x});
}

} // namespace hookcam::kernels
