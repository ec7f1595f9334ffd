#pragma once

#include "../cuda/fast_divisor.hpp"
#include "../cuda/kernel.hpp"
#include "../tensor/device.hpp"
#include "status.hpp"

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

/// Where the centre of a pixel lies between those of a map of another size, along one axis, as on the processor.
struct resize_place {
    int low;
    float above; ///< the share of the next one

    [[nodiscard]] HOOKCAM_DEVICE static resize_place look(int i, int from_size, int to_size) {
        double const scale = static_cast<double>(from_size) / static_cast<double>(to_size);
        double at = (static_cast<double>(i) + 0.5) * scale - 0.5;
        at = at < 0 ? 0.0 : at;
        int const low = static_cast<int>(at) < from_size - 1 ? static_cast<int>(at) : from_size - 1;
        return {low, static_cast<float>(at - static_cast<double>(low))};
    }

    /// The next one, or the last.
    [[nodiscard]] HOOKCAM_DEVICE int high(int from_size) const { return low + 1 < from_size ? low + 1 : low; }
};

/// Bilinear interpolation in a map.
[[nodiscard]] HOOKCAM_DEVICE inline float interpolate(float const* map, int height, int width,
                                                      resize_place const& row, resize_place const& column) {
    float const* const low = map + row.low * width;
    float const* const high = map + row.high(height) * width;
    int const next = column.high(width);
    float const top = low[column.low] * (1.0f - column.above) + low[next] * column.above;
    float const bottom = high[column.low] * (1.0f - column.above) + high[next] * column.above;
    return top * (1.0f - row.above) + bottom * row.above;
}

/// A pixel of a resized map: half-pixel centres, as on the processor.
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

    HOOKCAM_DEVICE void operator()(std::size_t index) const {
        auto const n = static_cast<unsigned>(index);
        unsigned const image = by_plane.quotient(n);
        unsigned const pixel = n - image * by_plane.divisor;
        unsigned const i = by_width.quotient(pixel);
        unsigned const j = pixel - i * by_width.divisor;
        float const* const map = from + std::size_t{image} * static_cast<unsigned>(from_height * from_width);
        to[index] = interpolate(map, from_height, from_width,
                                resize_place::look(static_cast<int>(i), from_height, to_height),
                                resize_place::look(static_cast<int>(j), from_width, to_width));
    }
};

/// The smallest and the largest number of a map.
struct map_range {
    float low;
    float high;

    [[nodiscard]] HOOKCAM_DEVICE map_range with(float value) const {
        return {value < low ? value : low, value > high ? value : high};
    }
    [[nodiscard]] HOOKCAM_DEVICE map_range with(map_range const& other) const {
        return {other.low < low ? other.low : low, other.high > high ? other.high : high};
    }
};

/// Sets `values[0]` to the range of the numbers `at(0)` to `at(count − 1)`, by all threads of a block.
template <class Block, class At>
HOOKCAM_DEVICE void measure_range(Block& block, unsigned threads, map_range* values, unsigned count, At at) {
    block.each([&](unsigned thread) {
        float const first = at(0);
        map_range found{first, first};
        for (unsigned i = thread; i < count; i += threads)
            found = found.with(at(i));
        values[thread] = found;
    });
    reduce(block, threads, values, [](map_range const& a, map_range const& b) { return a.with(b); });
}

/// What a raw map says, from its range.
[[nodiscard]] HOOKCAM_DEVICE inline cam_status status_of_range(map_range const& of) {
    if (!(of.high > 0.0f))
        return cam_status::no_positive_evidence;
    return of.low == of.high ? cam_status::flat : cam_status::ok;
}

/// Minus its minimum, over its maximum where that is positive, and what the raw map says: a block a map.
struct normalize_map_image {
    static constexpr char const* name = "normalize_map";
    static constexpr unsigned threads = 256;
    struct shared {
        map_range values[threads];
        map_range raw_values[threads];
    };

    unsigned pixels;
    float* map;
    unsigned raw_pixels;
    float const* raw;
    cam_status* status;

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        auto& own = block.shared();
        float const* const raw_plane = raw + std::size_t{block.x} * raw_pixels;
        measure_range(block, threads, own.raw_values, raw_pixels, [=](unsigned i) { return raw_plane[i]; });
        float* const plane = map + std::size_t{block.x} * pixels;
        measure_range(block, threads, own.values, pixels, [=](unsigned i) { return plane[i]; });
        block.last([&](unsigned thread) {
            if (thread == 0)
                status[block.x] = status_of_range(own.raw_values[0]);
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

/// Grad-CAM's maps of a batch, raw and at the input's size from 0 to 1, and what they say. `weights` has room for
/// batch·channels numbers.
template <detail::a_gpu Device>
void grad_cam_maps(Device const& on, grad_cam_sizes const& of, float const* activation, float const* gradient,
                   double* weights, float* raw, float* heatmap, cam_status* status) {
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
    on.launch(kernel_grid{of.batch},
              normalize_map_image{detail::narrow(to_pixels), heatmap, detail::narrow(pixels), raw, status});
}

} // namespace hookcam::kernels
