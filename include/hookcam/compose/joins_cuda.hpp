#pragma once

#include "../cuda/kernel.hpp"
#include "../cuda/sum_ending.hpp"
#include "../tensor/device.hpp"

#include <cstddef>

namespace hookcam::kernels {

/// a + b, rectified where that is on.
struct add_element {
    static constexpr char const* name = "add";
    float const* a;
    float const* b;
    float* to;
    rectification rectifier;

    HOOKCAM_DEVICE void operator()(std::size_t i) const { to[i] = rectifier.of(a[i] + b[i]); }
};

/// A part of an image, from one place to another.
struct copy_part_element {
    static constexpr char const* name = "copy_part";
    std::size_t length;
    float const* from;
    std::size_t from_stride;
    float* to;
    std::size_t to_stride;

    HOOKCAM_DEVICE void operator()(std::size_t i) const {
        std::size_t const image = i / length;
        std::size_t const at = i - image * length;
        to[image * to_stride + at] = from[image * from_stride + at];
    }
};

/// a · b, where b has one element for each `share` of a.
struct multiply_element {
    static constexpr char const* name = "multiply";
    std::size_t share;
    float const* a;
    float const* b;
    float* to;

    HOOKCAM_DEVICE void operator()(std::size_t i) const { to[i] = a[i] * b[i / share]; }
};

/// The sum of a · b over a share: a block a share.
struct multiply_and_sum_share {
    static constexpr char const* name = "multiply_and_sum";
    static constexpr unsigned threads = 64;
    struct shared {
        float values[threads];
    };

    std::size_t share;
    float const* a;
    float const* b;
    float* to;

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        auto& own = block.shared();
        std::size_t const first = block.x * share;
        block.each([&](unsigned thread) {
            float sum = 0.0f;
            for (std::size_t i = thread; i < share; i += threads)
                sum += a[first + i] * b[first + i];
            own.values[thread] = sum;
        });
        reduce(block, threads, own.values, [](float x, float y) { return x + y; });
        block.last([&](unsigned thread) {
            if (thread == 0)
                to[block.x] = own.values[0];
        });
    }
};

/// to = a + b, rectified where that is on.
template <detail::a_gpu Device>
void add(Device const& on, std::size_t size, float const* a, float const* b, float* to,
         rectification const& rectifier = {}) {
    for_each_element(on, size, add_element{a, b, to, rectifier});
}

/// Copies `length` elements of each image; the strides are those from image to image.
template <detail::a_gpu Device>
void copy_part(Device const& on, std::size_t batch, std::size_t length, float const* from,
               std::size_t from_stride, float* to, std::size_t to_stride) {
    for_each_element(on, batch * length, copy_part_element{length, from, from_stride, to, to_stride});
}

/// to = a · b, where b has one element for each `share` of a.
template <detail::a_gpu Device>
void multiply(Device const& on, std::size_t size, std::size_t share, float const* a, float const* b,
              float* to) {
    for_each_element(on, size, multiply_element{share, a, b, to});
}

/// to = the sums of a · b over each `share` of elements.
template <detail::a_gpu Device>
void multiply_and_sum(Device const& on, std::size_t size, std::size_t share, float const* a, float const* b,
                      float* to) {
    on.launch(kernel_grid{size / share}, multiply_and_sum_share{share, a, b, to});
}

} // namespace hookcam::kernels
