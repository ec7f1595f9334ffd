#pragma once

#include "../cuda/fast_divisor.hpp"
#include "../cuda/kernel.hpp"
#include "../tensor/device.hpp"

#include <cfloat>
#include <cstddef>

namespace hookcam::kernels {

/// A channel's weight: the mean of its gradient, summed in double as on the processor. A block a channel of an image.
struct grad_cam_weight {
    static constexpr char const* name = "grad_cam_weight";
    static constexpr unsigned threads = 64;
    struct shared {
        double values[threads];
    };

    unsigned pixels;
    float const* gradient;
    double* weights;

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        auto& own = block.shared();
        float const* const plane = gradient + std::size_t{block.x} * pixels;
        block.each([&](unsigned thread) {
            double sum = 0;
            for (unsigned i = thread; i < pixels; i += threads)
                sum += static_cast<double>(plane[i]);
            own.values[thread] = sum;
        });
        reduce(block, threads, own.values, [](double a, double b) { return a + b; });
        block.last([&](unsigned thread) {
            if (thread == 0)
                weights[block.x] = own.values[0] / static_cast<double>(pixels);
        });
    }
};

/// A pixel of the raw map: max(Σ_c w_c·activation_c, 0).
struct grad_cam_element {
    static constexpr char const* name = "grad_cam_map";
    unsigned channels;
    detail::fast_divisor by_pixels;
    float const* activation;
    double const* weights;
    float* map;

    HOOKCAM_DEVICE void operator()(std::size_t i) const {
        unsigned const pixels = by_pixels.divisor;
        unsigned const image = by_pixels.quotient(static_cast<unsigned>(i));
        unsigned const pixel = static_cast<unsigned>(i) - image * pixels;
        double sum = 0;
        for (unsigned c = 0; c < channels; ++c) {
            std::size_t const plane = std::size_t{image} * channels + c;
            sum += weights[plane] * static_cast<double>(activation[plane * pixels + pixel]);
        }
        constexpr double largest = FLT_MAX;
        map[i] = static_cast<float>(sum < 0 ? 0.0 : sum > largest ? largest : sum);
    }
};

/// Bilinear interpolation between half-pixel centres, as on the processor.
struct resize_element {
    static constexpr char const* name = "resize_bilinear";
    int from_height;
    int from_width;
    int to_height;
    int to_width;
    detail::fast_divisor by_plane;
    detail::fast_divisor by_width;
    float const* from;
    float* to;

    struct place {
        int low;
        int high;
        float above;
    };
    [[nodiscard]] HOOKCAM_DEVICE static place look(int i, int from_size, int to_size) {
        double const scale = static_cast<double>(from_size) / static_cast<double>(to_size);
        double at = (static_cast<double>(i) + 0.5) * scale - 0.5;
        at = at < 0 ? 0.0 : at;
        int const low = static_cast<int>(at) < from_size - 1 ? static_cast<int>(at) : from_size - 1;
        return {low, low + 1 < from_size ? low + 1 : from_size - 1,
                static_cast<float>(at - static_cast<double>(low))};
    }

    HOOKCAM_DEVICE void operator()(std::size_t index) const {
        auto const n = static_cast<unsigned>(index);
        unsigned const image = by_plane.quotient(n);
        unsigned const pixel = n - image * by_plane.divisor;
        unsigned const i = by_width.quotient(pixel);
        auto const row = look(static_cast<int>(i), from_height, to_height);
        auto const column = look(static_cast<int>(pixel - i * by_width.divisor), from_width, to_width);
        float const* const plane =
            from + std::size_t{image} * static_cast<unsigned>(from_height * from_width);
        float const* const low = plane + row.low * from_width;
        float const* const high = plane + row.high * from_width;
        float const top = low[column.low] * (1.0f - column.above) + low[column.high] * column.above;
        float const bottom = high[column.low] * (1.0f - column.above) + high[column.high] * column.above;
        to[index] = top * (1.0f - row.above) + bottom * row.above;
    }
};

/// Minus its minimum, over its maximum where that is positive: a block a map.
struct normalize_map_image {
    static constexpr char const* name = "normalize_map";
    static constexpr unsigned threads = 256;
    struct pair {
        float low;
        float high;
    };
    struct shared {
        pair values[threads];
    };

    unsigned pixels;
    float* map;

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        auto& own = block.shared();
        float* const plane = map + std::size_t{block.x} * pixels;
        block.each([&](unsigned thread) {
            pair found{plane[0], plane[0]};
            for (unsigned i = thread; i < pixels; i += threads) {
                float const here = plane[i];
                found.low = here < found.low ? here : found.low;
                found.high = here > found.high ? here : found.high;
            }
            own.values[thread] = found;
        });
        reduce(block, threads, own.values, [](pair const& a, pair const& b) {
            return pair{b.low < a.low ? b.low : a.low, b.high > a.high ? b.high : a.high};
        });
        block.last([&](unsigned thread) {
            float const low = own.values[0].low;
            float const range = own.values[0].high - low;
            for (unsigned i = thread; i < pixels; i += threads)
                plane[i] = range > 0.0f ? (plane[i] - low) / range : plane[i] - low;
        });
    }
};

/// The sizes of Grad-CAM's maps.
struct grad_cam_sizes {
    std::size_t batch = 0;
    std::size_t channels = 0;
    std::size_t height = 0;
    std::size_t width = 0;
    std::size_t to_height = 0;
    std::size_t to_width = 0;
};

/// Grad-CAM's maps of a batch, raw and at the input's size from 0 to 1. `weights` has room for batch·channels numbers.
template <detail::a_gpu Device>
void grad_cam_maps(Device const& on, grad_cam_sizes const& of, float const* activation, float const* gradient,
                   double* weights, float* raw, float* heatmap) {
    std::size_t const pixels = of.height * of.width;
    std::size_t const to_pixels = of.to_height * of.to_width;
    auto const signed_of = [](std::size_t size) { return static_cast<int>(detail::narrow(size)); };
    static_cast<void>(detail::narrow(of.batch * (pixels > to_pixels ? pixels : to_pixels)));
    on.launch(kernel_grid{of.batch * of.channels},
              grad_cam_weight{detail::narrow(pixels), gradient, weights});
    for_each_element(on, of.batch * pixels,
                     grad_cam_element{detail::narrow(of.channels), detail::fast_divisor{pixels}, activation,
                                      weights, raw});
    for_each_element(on, of.batch * to_pixels,
                     resize_element{signed_of(of.height), signed_of(of.width), signed_of(of.to_height),
                                    signed_of(of.to_width), detail::fast_divisor{to_pixels},
                                    detail::fast_divisor{of.to_width}, raw, heatmap});
    on.launch(kernel_grid{of.batch}, normalize_map_image{detail::narrow(to_pixels), heatmap});
}

} // namespace hookcam::kernels
