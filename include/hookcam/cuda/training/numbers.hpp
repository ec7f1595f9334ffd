#pragma once

#include "../../tensor/device.hpp"
#include "../../tensor/memory.hpp"
#include "../kernel.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

// What training does on a device to many numbers at once: gradients, parameters, running statistics.

namespace hookcam::kernels {

/// x = 0.
struct set_zero_element {
    static constexpr char const* name = "set_zero";
    float* x;

    HOOKCAM_DEVICE void operator()(std::size_t i) const { x[i] = 0.0f; }
};

/// y = y + x.
struct accumulate_element {
    static constexpr char const* name = "accumulate";
    float const* x;
    float* y;

    HOOKCAM_DEVICE void operator()(std::size_t i) const { y[i] += x[i]; }
};

/// y = (1 − share)·a + share·b.
struct blend_element {
    static constexpr char const* name = "blend";
    float share;
    float const* a;
    float const* b;
    float* y;

    HOOKCAM_DEVICE void operator()(std::size_t i) const { y[i] = std::fma(1.0f - share, a[i], share * b[i]); }
};

/// x = x·by.
struct scale_element {
    static constexpr char const* name = "scale";
    float by;
    float* x;

    HOOKCAM_DEVICE void operator()(std::size_t i) const { x[i] *= by; }
};

/// Brings x between −most and most; NaN stays.
struct clamp_element {
    static constexpr char const* name = "clamp";
    float most;
    float* x;

    HOOKCAM_DEVICE void operator()(std::size_t i) const {
        float const value = x[i];
        x[i] = value > most ? most : value < -most ? -most : value;
    }
};

/// What of numbers is brought together in a norm.
enum class norm_kind {
    squares, ///< their sum
    largest, ///< the largest absolute value; NaN, where there is one
    powers,  ///< the sum of the absolute values, each to a power
};

/// A part of a norm of many numbers: a block a part of them. The order of its sum depends on nothing else.
struct norm_part {
    static constexpr char const* name = "norm";
    static constexpr unsigned threads = 256;
    static constexpr std::size_t numbers = 32 * threads; ///< of a part
    struct shared {
        double values[threads];
    };

    norm_kind kind;
    double power;
    float const* x;
    std::size_t size;
    double* parts;

    [[nodiscard]] HOOKCAM_DEVICE double of(float x_i) const {
        auto const value = static_cast<double>(x_i);
        if (kind == norm_kind::squares)
            return value * value;
        double const absolute = value < 0 ? -value : value;
        return kind == norm_kind::largest ? absolute : std::pow(absolute, power);
    }
    [[nodiscard]] HOOKCAM_DEVICE double both(double a, double b) const {
        if (kind != norm_kind::largest)
            return a + b;
        return a > b || a != a ? a : b;
    }

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        auto* const values = block.shared().values;
        std::size_t const first = std::size_t{block.x} * numbers;
        std::size_t const end = first + numbers < size ? first + numbers : size;
        block.each([&](unsigned thread) {
            double value = 0;
            for (std::size_t i = first + thread; i < end; i += threads)
                value = both(value, of(x[i]));
            values[thread] = value;
        });
        reduce(block, threads, values, [&](double a, double b) { return both(a, b); });
        block.last([&](unsigned thread) {
            if (thread == 0)
                parts[block.x] = values[0];
        });
    }
};

/// x = 0.
template <detail::a_gpu Device>
void set_numbers_to_zero(Device const& on, std::size_t size, float* x) {
    for_each_element(on, size, set_zero_element{x});
}

/// y = y + x.
template <detail::a_gpu Device>
void add_numbers(Device const& on, std::size_t size, float const* x, float* y) {
    for_each_element(on, size, accumulate_element{x, y});
}

/// y = (1 − share)·a + share·b; y may be either.
template <detail::a_gpu Device>
void blend_numbers(Device const& on, std::size_t size, float share, float const* a, float const* b,
                   float* y) {
    for_each_element(on, size, blend_element{share, a, b, y});
}

/// x = x·by.
template <detail::a_gpu Device>
void scale_numbers(Device const& on, std::size_t size, float by, float* x) {
    for_each_element(on, size, scale_element{by, x});
}

/// Brings x between −most and most; NaN stays.
template <detail::a_gpu Device>
void clamp_numbers(Device const& on, std::size_t size, float most, float* x) {
    for_each_element(on, size, clamp_element{most, x});
}

/// What a norm is the root of, in double, in one order; waits for it. `power` is that of `norm_kind::powers`.
template <detail::a_gpu Device>
[[nodiscard]] double norm_of_parts(Device const& on, norm_kind kind, double power, std::size_t size,
                                   float const* x) {
    std::vector<double> parts(detail::parts_of(size, norm_part::numbers));
    memory<double> there(parts.size(), on.stream);
    norm_part const body{kind, power, x, size, there.data()};
    on.launch(kernel_grid{parts.size()}, body);
    on.stream->copy_out(parts.data(), there.data(), parts.size() * sizeof(double));
    double value = 0;
    for (double const part : parts)
        value = body.both(value, part);
    return value;
}

} // namespace hookcam::kernels
