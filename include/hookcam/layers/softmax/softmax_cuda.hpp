#pragma once

#include "../../cuda/kernel.hpp"
#include "../../tensor/device.hpp"
#include "softmax_parameters.hpp"

#include <cmath>
#include <cstddef>

namespace hookcam::kernels {

/// Whether a softmax or its logarithm is taken.
enum class softmax_kind {
    probability,
    logarithm,
};

/// The channels of a pixel: a block a pixel.
template <softmax_kind Kind>
struct softmax_pixel {
    static constexpr char const* name = Kind == softmax_kind::probability ? "softmax" : "log_softmax";
    static constexpr unsigned threads = 64;
    struct shared {
        float values[threads];
    };

    unsigned channels;
    unsigned plane;
    float const* x;
    float* y;

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        auto& own = block.shared();
        std::size_t const image = block.x / plane;
        std::size_t const first = image * channels * plane + block.x % plane;
        typename Block::template per_thread<float> largest;
        block.each([&](unsigned thread) {
            float most = x[first]; // each thread has one, even where there are fewer channels
            for (unsigned c = thread; c < channels; c += threads) {
                float const here = x[first + std::size_t{c} * plane];
                most = here > most ? here : most;
            }
            own.values[thread] = most;
        });
        reduce(block, threads, own.values, [](float a, float b) { return b > a ? b : a; });
        block.each([&](unsigned thread) { largest[thread] = own.values[0]; });
        block.each([&](unsigned thread) {
            float sum = 0.0f;
            for (unsigned c = thread; c < channels; c += threads)
                sum += std::exp(x[first + std::size_t{c} * plane] - largest[thread]);
            own.values[thread] = sum;
        });
        reduce(block, threads, own.values, [](float a, float b) { return a + b; });
        block.last([&](unsigned thread) {
            for (unsigned c = thread; c < channels; c += threads) {
                std::size_t const at = first + std::size_t{c} * plane;
                float const moved = x[at] - largest[thread];
                if constexpr (Kind == softmax_kind::probability)
                    y[at] = std::exp(moved) / own.values[0];
                else
                    y[at] = moved - std::log(own.values[0]);
            }
        });
    }
};

/// The gradients of a pixel's channels, by the output.
template <softmax_kind Kind>
struct softmax_backward_pixel {
    static constexpr char const* name =
        Kind == softmax_kind::probability ? "softmax_backward" : "log_softmax_backward";
    static constexpr unsigned threads = 64;
    struct shared {
        float values[threads];
    };

    unsigned channels;
    unsigned plane;
    float const* y;
    float const* grad_y;
    float* grad_x;

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        auto& own = block.shared();
        std::size_t const image = block.x / plane;
        std::size_t const first = image * channels * plane + block.x % plane;
        block.each([&](unsigned thread) {
            float sum = 0.0f;
            for (unsigned c = thread; c < channels; c += threads) {
                std::size_t const at = first + std::size_t{c} * plane;
                sum += Kind == softmax_kind::probability ? grad_y[at] * y[at] : grad_y[at];
            }
            own.values[thread] = sum;
        });
        reduce(block, threads, own.values, [](float a, float b) { return a + b; });
        block.last([&](unsigned thread) {
            for (unsigned c = thread; c < channels; c += threads) {
                std::size_t const at = first + std::size_t{c} * plane;
                if constexpr (Kind == softmax_kind::probability)
                    grad_x[at] = y[at] * (grad_y[at] - own.values[0]);
                else
                    grad_x[at] = grad_y[at] - std::exp(y[at]) * own.values[0];
            }
        });
    }
};

/// y = exp(x − max) / Σ exp(x − max) over the channels at each pixel; y may be x.
template <detail::a_gpu Device>
void softmax(Device const& on, softmax_parameters const& of, float const* x, float* y) {
    on.launch(kernel_grid{of.batch * of.plane},
              softmax_pixel<softmax_kind::probability>{detail::narrow(of.channels), detail::narrow(of.plane),
                                                       x, y});
}

/// grad_x = y·(grad_y − Σ grad_y·y) over the channels at each pixel.
template <detail::a_gpu Device>
void softmax_backward(Device const& on, softmax_parameters const& of, float const* y, float const* grad_y,
                      float* grad_x) {
    on.launch(kernel_grid{of.batch * of.plane},
              softmax_backward_pixel<softmax_kind::probability>{detail::narrow(of.channels),
                                                                detail::narrow(of.plane), y, grad_y, grad_x});
}

/// y = x − max − log Σ exp(x − max) over the channels at each pixel; y may be x.
template <detail::a_gpu Device>
void log_softmax(Device const& on, softmax_parameters const& of, float const* x, float* y) {
    on.launch(
        kernel_grid{of.batch * of.plane},
        softmax_pixel<softmax_kind::logarithm>{detail::narrow(of.channels), detail::narrow(of.plane), x, y});
}

/// grad_x = grad_y − exp(y)·Σ grad_y over the channels at each pixel.
template <detail::a_gpu Device>
void log_softmax_backward(Device const& on, softmax_parameters const& of, float const* y, float const* grad_y,
                          float* grad_x) {
    on.launch(kernel_grid{of.batch * of.plane},
              softmax_backward_pixel<softmax_kind::logarithm>{detail::narrow(of.channels),
                                                              detail::narrow(of.plane), y, grad_y, grad_x});
}

} // namespace hookcam::kernels
