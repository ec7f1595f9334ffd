#pragma once

#include "../../cuda/fast_divisor.hpp"
#include "../../cuda/kernel.hpp"
#include "../../cuda/sum_ending.hpp"
#include "../../tensor/device.hpp"
#include "batch_norm2d_parameters.hpp"

#include <cmath>
#include <cstddef>

namespace hookcam::kernels {

/// A batch norm, for a kernel.
struct batch_norm2d_channel {
    unsigned channels;
    unsigned plane;
    channel_norm norm;
};

/// x·scale + shift.
struct batch_norm2d_element {
    static constexpr char const* name = "batch_norm2d";
    batch_norm2d_channel of;
    detail::fast_divisor by_plane;
    detail::fast_divisor by_channels;
    float const* x;
    float* y;

    HOOKCAM_DEVICE void operator()(std::size_t i) const {
        unsigned const c = by_channels.remainder(by_plane.quotient(static_cast<unsigned>(i)));
        float const scale = of.norm.scale(c);
        y[i] = std::fma(x[i], scale, of.norm.shift(c, scale));
    }
};

/// grad_y·scale.
struct batch_norm2d_backward_element {
    static constexpr char const* name = "batch_norm2d_backward";
    batch_norm2d_channel of;
    detail::fast_divisor by_plane;
    detail::fast_divisor by_channels;
    float const* grad_y;
    float* grad_x;

    HOOKCAM_DEVICE void operator()(std::size_t i) const {
        unsigned const c = by_channels.remainder(by_plane.quotient(static_cast<unsigned>(i)));
        grad_x[i] = grad_y[i] * of.norm.scale(c);
    }
};

/// The gradients of a channel's weight and bias: a block a channel.
struct batch_norm2d_parameters_channel {
    static constexpr char const* name = "batch_norm2d_backward_parameters";
    static constexpr unsigned threads = 256;
    struct pair {
        float weighted;
        float plain;
    };
    struct shared {
        pair values[threads];
    };

    batch_norm2d_channel of;
    detail::fast_divisor by_plane;
    unsigned size; ///< of a channel in all images
    float const* x;
    float const* grad_y;
    float* grad_weight;
    float* grad_bias;

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        auto& own = block.shared();
        unsigned const c = block.x;
        block.each([&](unsigned thread) {
            pair sums{0.0f, 0.0f};
            float const mean = of.norm.mean[c];
            for (unsigned i = thread; i < size; i += threads) {
                unsigned const image = by_plane.quotient(i);
                std::size_t const at =
                    (std::size_t{image} * of.channels + c) * of.plane + (i - image * of.plane);
                sums.weighted += grad_y[at] * (x[at] - mean);
                sums.plain += grad_y[at];
            }
            own.values[thread] = sums;
        });
        reduce(block, threads, own.values, [](pair const& a, pair const& b) {
            return pair{a.weighted + b.weighted, a.plain + b.plain};
        });
        block.last([&](unsigned thread) {
            if (thread != 0)
                return;
            grad_weight[c] = own.values[0].weighted * of.norm.inverse_deviation(c);
            grad_bias[c] = own.values[0].plain;
        });
    }
};

[[nodiscard]] inline batch_norm2d_channel batch_norm2d_channel_of(batch_norm2d_parameters const& of,
                                                                  batch_norm2d_tensors<float> const& own) {
    static_cast<void>(detail::narrow(of.batch * of.channels * of.plane));
    return {detail::narrow(of.channels),
            detail::narrow(of.plane),
            {static_cast<float>(of.eps), own.weight, own.bias, own.mean, own.variance}};
}

/// y = x·scale + shift in each channel; y may be x.
template <detail::a_gpu Device>
void batch_norm2d(Device const& on, batch_norm2d_parameters const& of, batch_norm2d_tensors<float> const& own,
                  float const* x, float* y) {
    for_each_element(on, of.batch * of.channels * of.plane,
                     batch_norm2d_element{batch_norm2d_channel_of(of, own), detail::fast_divisor{of.plane},
                                          detail::fast_divisor{of.channels}, x, y});
}

/// grad_x = grad_y·scale; grad_x may be grad_y.
template <detail::a_gpu Device>
void batch_norm2d_backward(Device const& on, batch_norm2d_parameters const& of,
                           batch_norm2d_tensors<float> const& own, float const* grad_y, float* grad_x) {
    for_each_element(on, of.batch * of.channels * of.plane,
                     batch_norm2d_backward_element{batch_norm2d_channel_of(of, own),
                                                   detail::fast_divisor{of.plane},
                                                   detail::fast_divisor{of.channels}, grad_y, grad_x});
}

/// grad_weight = Σ grad_y·(x − mean)/sqrt(variance + eps) and grad_bias = Σ grad_y over batch and plane.
template <detail::a_gpu Device>
void batch_norm2d_backward_parameters(Device const& on, batch_norm2d_parameters const& of,
                                      batch_norm2d_tensors<float> const& own, float const* x,
                                      float const* grad_y, float* grad_weight, float* grad_bias) {
    on.launch(kernel_grid{of.channels}, batch_norm2d_parameters_channel{batch_norm2d_channel_of(of, own),
                                                                        detail::fast_divisor{of.plane},
                                                                        detail::narrow(of.batch * of.plane),
                                                                        x, grad_y, grad_weight, grad_bias});
}

} // namespace hookcam::kernels
