#pragma once

#include "../../tensor/device.hpp"
#include "../pool2d_cuda.hpp"

#include <cstddef>

namespace hookcam::kernels {

/// The mean of a part of a plane: a block a part, which may be a whole plane.
struct adaptive_avg_pool2d_part {
    static constexpr char const* name = "adaptive_avg_pool2d";
    static constexpr unsigned threads = 64;
    struct shared {
        float values[threads];
    };

    pool2d_cuda_sizes of;
    float const* x;
    float* y;

    /// As `adaptive_range`.
    [[nodiscard]] HOOKCAM_DEVICE static cuda_range part(int index, int in, int out) {
        return {static_cast<int>(static_cast<long long>(index) * in / out),
                static_cast<int>((static_cast<long long>(index + 1) * in + out - 1) / out)};
    }

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        auto& own = block.shared();
        auto const at = cuda_pixel_of(block.x, of.by_out_plane, of.by_out_width);
        auto const high = part(at.row, of.in_height, of.out_height);
        auto const wide = part(at.column, of.in_width, of.out_width);
        int const width = wide.end - wide.begin;
        int const count = (high.end - high.begin) * width;
        float const* const plane = x + std::size_t{at.plane} * of.by_in_plane.divisor;
        block.each([&](unsigned thread) {
            float sum = 0.0f;
            for (int i = static_cast<int>(thread); i < count; i += static_cast<int>(threads))
                sum += plane[(high.begin + i / width) * of.in_width + wide.begin + i % width];
            own.values[thread] = sum;
        });
        reduce(block, threads, own.values, [](float a, float b) { return a + b; });
        block.last([&](unsigned thread) {
            if (thread == 0)
                y[block.x] = own.values[0] / static_cast<float>(count);
        });
    }
};

/// The gradient of an element: of all parts that it is in.
struct adaptive_avg_pool2d_backward_element {
    static constexpr char const* name = "adaptive_avg_pool2d_backward";
    pool2d_cuda_sizes of;
    float const* grad_y;
    float* grad_x;

    /// The parts that an element is in.
    [[nodiscard]] HOOKCAM_DEVICE static cuda_range parts_over(int element, int in, int out) {
        // Part i is there from floor(i·in/out) to ceil((i + 1)·in/out).
        return {static_cast<int>(static_cast<long long>(element) * out / in),
                static_cast<int>((static_cast<long long>(element + 1) * out + in - 1) / in)};
    }

    HOOKCAM_DEVICE void operator()(std::size_t index) const {
        auto const at = cuda_pixel_of(index, of.by_in_plane, of.by_in_width);
        float const* const plane = grad_y + std::size_t{at.plane} * of.by_out_plane.divisor;
        auto const rows = parts_over(at.row, of.in_height, of.out_height);
        auto const columns = parts_over(at.column, of.in_width, of.out_width);
        float sum = 0.0f;
        for (int i = rows.begin; i < rows.end; ++i) {
            auto const high = adaptive_avg_pool2d_part::part(i, of.in_height, of.out_height);
            for (int j = columns.begin; j < columns.end; ++j) {
                auto const wide = adaptive_avg_pool2d_part::part(j, of.in_width, of.out_width);
                sum += plane[i * of.out_width + j] /
                       static_cast<float>((high.end - high.begin) * (wide.end - wide.begin));
            }
        }
        grad_x[index] = sum;
    }
};

/// y = the means of out_height × out_width parts of each plane.
template <detail::a_gpu Device>
void adaptive_avg_pool2d(Device const& on, pool2d_sizes const& of, float const* x, float* y) {
    on.launch(kernel_grid{of.planes * of.out_plane()}, adaptive_avg_pool2d_part{pool2d_cuda_sizes{of}, x, y});
}

/// Spreads each element of grad_y evenly over its part.
template <detail::a_gpu Device>
void adaptive_avg_pool2d_backward(Device const& on, pool2d_sizes const& of, float const* grad_y,
                                  float* grad_x) {
    for_each_element(on, of.planes * of.in_plane(),
                     adaptive_avg_pool2d_backward_element{pool2d_cuda_sizes{of}, grad_y, grad_x});
}

} // namespace hookcam::kernels
