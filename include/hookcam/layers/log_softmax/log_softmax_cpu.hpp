#pragma once

#include "../../core/instruction_set.hpp"
#include "../softmax/softmax_cpu.hpp"

#include <cmath>
#include <cstddef>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// y = x − max − log Σ exp(x − max) over the channels at each pixel: the largest is taken away first so that
/// no exponential overflows. y may be x.
template <class T>
void log_softmax(cpu, softmax_parameters const& of, T const* x, T* y) noexcept {
    for_each_pixel(of, [&](std::size_t begin, std::size_t end) {
        T const largest = largest_channel(of, x, begin, end);
        T sum{0};
        for (std::size_t i = begin; i < end; i += of.plane)
            sum += std::exp(x[i] - largest);
        // Not largest + log(sum), which would round off the logarithm beside a large number.
        T const logarithm = std::log(sum);
        for (std::size_t i = begin; i < end; i += of.plane)
            y[i] = x[i] - largest - logarithm;
    });
}

/// grad_x = grad_y − exp(y)·Σ grad_y over the channels at each pixel.
template <class T>
void log_softmax_backward(cpu, softmax_parameters const& of, T const* y, T const* grad_y,
                          T* grad_x) noexcept {
    for_each_pixel(of, [&](std::size_t begin, std::size_t end) {
        T sum{0};
        for (std::size_t i = begin; i < end; i += of.plane)
            sum += grad_y[i];
        for (std::size_t i = begin; i < end; i += of.plane)
            grad_x[i] = grad_y[i] - std::exp(y[i]) * sum;
    });
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
