#pragma once

#include "../../tensor/device.hpp"
#include "../adaptive_avg_pool2d/adaptive_avg_pool2d_cuda.hpp"
#include "../pool2d_cuda.hpp"

#include <cstddef>
#include <cstdint>

namespace hookcam::kernels {

/// The largest element of a part of a plane, and where it was: a block a part, which may be a whole plane.
struct adaptive_max_pool2d_part {
    static constexpr char const* name = "adaptive_max_pool2d";
    static constexpr unsigned threads = 64;

    /// An element and its index in its plane; −1 where a thread has none.
    struct choice {
        float value;
        std::int32_t place;
    };
    struct shared {
        choice values[threads];
    };

    pool2d_cuda_sizes of;
    float const* x;
    float* y;
    std::int32_t* chosen;

    /// As the processor chooses, going through a part in order: the first of equals, and the last NaN, which is larger
    /// than all.
    [[nodiscard]] HOOKCAM_DEVICE static choice larger(choice const& a, choice const& b) {
        if (a.place < 0 || b.place < 0)
            return a.place < 0 ? b : a;
        bool const a_is_nan = a.value != a.value;
        bool const b_is_nan = b.value != b.value;
        if (a_is_nan && b_is_nan)
            return b.place > a.place ? b : a;
        if (a_is_nan || b_is_nan)
            return b_is_nan ? b : a;
        return b.value > a.value || (b.value == a.value && b.place < a.place) ? b : a;
    }

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        auto& own = block.shared();
        auto const at = cuda_pixel_of(block.x, of.by_out_plane, of.by_out_width);
        auto const high = adaptive_avg_pool2d_part::part(at.row, of.in_height, of.out_height);
        auto const wide = adaptive_avg_pool2d_part::part(at.column, of.in_width, of.out_width);
        int const width = wide.end - wide.begin;
        int const count = (high.end - high.begin) * width;
        float const* const plane = x + std::size_t{at.plane} * of.by_in_plane.divisor;
        block.each([&](unsigned thread) {
            choice best{0.0f, -1};
            for (int i = static_cast<int>(thread); i < count; i += static_cast<int>(threads)) {
                std::int32_t const place = (high.begin + i / width) * of.in_width + wide.begin + i % width;
                best = larger(best, choice{plane[place], place});
            }
            own.values[thread] = best;
        });
        reduce(block, threads, own.values, [](choice const& a, choice const& b) { return larger(a, b); });
        block.last([&](unsigned thread) {
            if (thread != 0)
                return;
            y[block.x] = own.values[0].value;
            if (chosen != nullptr)
                chosen[block.x] = own.values[0].place;
        });
    }
};

/// The gradient of an element: of all parts that have chosen it, in their order.
struct adaptive_max_pool2d_backward_element {
    static constexpr char const* name = "adaptive_max_pool2d_backward";
    pool2d_cuda_sizes of;
    std::int32_t const* chosen;
    float const* grad_y;
    float* grad_x;

    HOOKCAM_DEVICE void operator()(std::size_t index) const {
        auto const at = cuda_pixel_of(index, of.by_in_plane, of.by_in_width);
        std::size_t const plane = std::size_t{at.plane} * of.by_out_plane.divisor;
        std::int32_t const here = at.row * of.in_width + at.column;
        auto const rows =
            adaptive_avg_pool2d_backward_element::parts_over(at.row, of.in_height, of.out_height);
        auto const columns =
            adaptive_avg_pool2d_backward_element::parts_over(at.column, of.in_width, of.out_width);
        float sum = 0.0f;
        for (int i = rows.begin; i < rows.end; ++i)
            for (int j = columns.begin; j < columns.end; ++j) {
                std::size_t const out = plane + static_cast<unsigned>(i * of.out_width + j);
                if (chosen[out] == here)
                    sum += grad_y[out];
            }
        grad_x[index] = sum;
    }
};

/// y = the largest elements of out_height × out_width parts of each plane, and in `chosen`, where it is not null, their
/// indices in their planes.
template <detail::a_gpu Device>
void adaptive_max_pool2d(Device const& on, pool2d_sizes const& of, float const* x, float* y,
                         std::int32_t* chosen) {
    on.launch(kernel_grid{of.planes * of.out_plane()},
              adaptive_max_pool2d_part{pool2d_cuda_sizes{of}, x, y, chosen});
}

/// Adds each element of grad_y to the element of grad_x that was chosen for it.
template <detail::a_gpu Device>
void adaptive_max_pool2d_backward(Device const& on, pool2d_sizes const& of, std::int32_t const* chosen,
                                  float const* grad_y, float* grad_x) {
    for_each_element(on, of.planes * of.in_plane(),
                     adaptive_max_pool2d_backward_element{pool2d_cuda_sizes{of}, chosen, grad_y, grad_x});
}

} // namespace hookcam::kernels
