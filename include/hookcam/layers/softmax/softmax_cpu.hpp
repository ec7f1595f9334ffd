#pragma once

#include "../../core/instruction_set.hpp"
#include "../../tensor/device.hpp"
#include "softmax_parameters.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// Calls `visit(begin, end)` for every pixel of every image: its channels are every `plane`-th element from the first
/// index, below the second.
template <class Visit>
void for_each_pixel(softmax_parameters const& of, Visit&& visit) {
    std::size_t const size = of.channels * of.plane;
    for (std::size_t n = 0; n < of.batch; ++n)
        for (std::size_t pixel = 0; pixel < of.plane; ++pixel)
            visit(n * size + pixel, n * size + pixel + size);
}

/// The largest of a pixel's channels.
template <class T>
[[nodiscard]] T largest_channel(softmax_parameters const& of, T const* x, std::size_t begin,
                                std::size_t end) noexcept {
    T largest = x[begin];
    for (std::size_t i = begin; i < end; i += of.plane)
        largest = std::max(largest, x[i]);
    return largest;
}

/// y = exp(x − max) / Σ exp(x − max) over the channels at each pixel: the largest is taken away first so that
/// no exponential overflows. y may be x.
template <class T>
void softmax(cpu, softmax_parameters const& of, T const* x, T* y) noexcept {
    for_each_pixel(of, [&](std::size_t begin, std::size_t end) {
        T const largest = largest_channel(of, x, begin, end);
        T sum{0};
        for (std::size_t i = begin; i < end; i += of.plane)
            sum += y[i] = std::exp(x[i] - largest);
        for (std::size_t i = begin; i < end; i += of.plane)
            y[i] /= sum;
    });
}

/// grad_x = y·(grad_y − Σ grad_y·y) over the channels at each pixel.
template <class T>
void softmax_backward(cpu, softmax_parameters const& of, T const* y, T const* grad_y, T* grad_x) noexcept {
    for_each_pixel(of, [&](std::size_t begin, std::size_t end) {
        T sum{0};
        for (std::size_t i = begin; i < end; i += of.plane)
            sum += grad_y[i] * y[i];
        for (std::size_t i = begin; i < end; i += of.plane)
            grad_x[i] = y[i] * (grad_y[i] - sum);
    });
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
