#pragma once

#include "../../cuda/fast_divisor.hpp"
#include "../../cuda/kernel.hpp"
#include "../../tensor/device.hpp"
#include "batch_norm2d_parameters.hpp"

#include <cmath>
#include <cstddef>

namespace hookcam::kernels {

/// Where the elements of a channel lie, for a kernel that walks over them in all images.
struct batch_norm2d_walk {
    unsigned channels;
    unsigned plane;
    unsigned size; ///< of a channel in all images
    detail::fast_divisor by_plane;

    [[nodiscard]] HOOKCAM_DEVICE std::size_t at(unsigned c, unsigned i) const {
        unsigned const image = by_plane.quotient(i);
        return (std::size_t{image} * channels + c) * plane + (i - image * plane);
    }
};

/// Measures a channel: a block a channel. As on the processor sums are doubles, in an order that depends on the sizes alone.
struct batch_norm2d_measure_channel {
    static constexpr char const* name = "batch_norm2d_measure";
    static constexpr unsigned threads = 1024;
    struct shared {
        double sums[threads];
        float mean;
    };

    batch_norm2d_walk walk;
    double eps;
    float const* x;
    batch_norm2d_measured<float> to;
    float* mean;
    float* unbiased_variance;

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        auto& own = block.shared();
        unsigned const c = block.x;
        auto const add = [](double a, double b) { return a + b; };
        block.each([&](unsigned thread) {
            double sum = 0;
            for (unsigned i = thread; i < walk.size; i += threads)
                sum += static_cast<double>(x[walk.at(c, i)]);
            own.sums[thread] = sum;
        });
        reduce(block, threads, own.sums, add);
        block.each([&](unsigned thread) {
            if (thread == 0)
                own.mean = static_cast<float>(own.sums[0] / walk.size);
        });
        block.each([&](unsigned thread) {
            double squares = 0;
            for (unsigned i = thread; i < walk.size; i += threads) {
                auto const distance = static_cast<double>(x[walk.at(c, i)] - own.mean);
                squares += distance * distance;
            }
            own.sums[thread] = squares;
        });
        reduce(block, threads, own.sums, add);
        block.last([&](unsigned thread) {
            if (thread != 0)
                return;
            mean[c] = to.mean[c] = own.mean;
            to.inverse[c] = static_cast<float>(1 / std::sqrt(own.sums[0] / walk.size + eps));
            unbiased_variance[c] = static_cast<float>(own.sums[0] / (walk.size - 1));
        });
    }
};

/// y = (x − mean)·inverse·weight + bias.
struct batch_norm2d_training_element {
    static constexpr char const* name = "batch_norm2d_training";
    detail::fast_divisor by_plane;
    detail::fast_divisor by_channels;
    batch_norm2d_measured<float> measured;
    float const* weight;
    float const* bias;
    float const* x;
    float* y;

    HOOKCAM_DEVICE void operator()(std::size_t i) const {
        unsigned const c = by_channels.remainder(by_plane.quotient(static_cast<unsigned>(i)));
        float const scale = weight == nullptr ? measured.inverse[c] : measured.inverse[c] * weight[c];
        float const shift = bias == nullptr ? 0.0f : bias[c];
        y[i] = std::fma(x[i] - measured.mean[c], scale, shift);
    }
};

/// The means that backward needs, and the gradients of a channel's weight and bias: a block a channel.
struct batch_norm2d_training_sums_channel {
    static constexpr char const* name = "batch_norm2d_training_sums";
    static constexpr unsigned threads = 1024;
    struct pair {
        double plain;
        double weighted;
    };
    struct shared {
        pair sums[threads];
    };

    batch_norm2d_walk walk;
    float const* x;
    float const* grad_y;
    batch_norm2d_measured<float> measured;
    float* grad_weight;
    float* grad_bias;

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        auto& own = block.shared();
        unsigned const c = block.x;
        block.each([&](unsigned thread) {
            pair sums{0, 0};
            float const mean = measured.mean[c];
            for (unsigned i = thread; i < walk.size; i += threads) {
                std::size_t const at = walk.at(c, i);
                auto const slope = static_cast<double>(grad_y[at]);
                sums.plain += slope;
                sums.weighted += static_cast<double>(x[at] - mean) * slope;
            }
            own.sums[thread] = sums;
        });
        reduce(block, threads, own.sums, [](pair const& a, pair const& b) {
            return pair{a.plain + b.plain, a.weighted + b.weighted};
        });
        block.last([&](unsigned thread) {
            if (thread != 0)
                return;
            double const weighted = own.sums[0].weighted * static_cast<double>(measured.inverse[c]);
            measured.mean_gradient[c] = static_cast<float>(own.sums[0].plain / walk.size);
            measured.share[c] = static_cast<float>(weighted / walk.size);
            if (grad_weight != nullptr)
                grad_weight[c] = static_cast<float>(weighted);
            if (grad_bias != nullptr)
                grad_bias[c] = static_cast<float>(own.sums[0].plain);
        });
    }
};

/// grad_x = inverse·weight·(grad_y − mean_gradient − (x − mean)·inverse·share).
struct batch_norm2d_training_backward_element {
    static constexpr char const* name = "batch_norm2d_training_backward";
    detail::fast_divisor by_plane;
    detail::fast_divisor by_channels;
    batch_norm2d_measured<float> measured;
    float const* weight;
    float const* x;
    float const* grad_y;
    float* grad_x;

    HOOKCAM_DEVICE void operator()(std::size_t i) const {
        unsigned const c = by_channels.remainder(by_plane.quotient(static_cast<unsigned>(i)));
        float const inverse = measured.inverse[c];
        float const scale = weight == nullptr ? inverse : inverse * weight[c];
        grad_x[i] = scale * std::fma(measured.mean[c] - x[i], inverse * measured.share[c],
                                     grad_y[i] - measured.mean_gradient[c]);
    }
};

[[nodiscard]] inline batch_norm2d_walk batch_norm2d_walk_of(batch_norm2d_parameters const& of) {
    static_cast<void>(detail::narrow(of.batch * of.channels * of.plane));
    return {detail::narrow(of.channels), detail::narrow(of.plane), detail::narrow(of.batch * of.plane),
            detail::fast_divisor{of.plane}};
}

/// As on the processor, without its scratch memory.
template <detail::a_gpu Device>
void batch_norm2d_measure(Device const& on, batch_norm2d_parameters const& of, float const* x,
                          batch_norm2d_measured<float> const& to, float* mean, float* unbiased_variance,
                          double*) {
    on.launch(kernel_grid{of.channels}, batch_norm2d_measure_channel{batch_norm2d_walk_of(of), of.eps, x, to,
                                                                     mean, unbiased_variance});
}

/// y = (x − mean)·inverse·weight + bias, with what was measured; weight and bias may be null.
template <detail::a_gpu Device>
void batch_norm2d_training(Device const& on, batch_norm2d_parameters const& of,
                           batch_norm2d_measured<float> const& measured, float const* weight,
                           float const* bias, float const* x, float* y) {
    for_each_element(on, of.batch * of.channels * of.plane,
                     batch_norm2d_training_element{detail::fast_divisor{of.plane},
                                                   detail::fast_divisor{of.channels}, measured, weight, bias,
                                                   x, y});
}

/// As on the processor, without its scratch memory.
template <detail::a_gpu Device>
void batch_norm2d_training_sums(Device const& on, batch_norm2d_parameters const& of, float const* x,
                                float const* grad_y, batch_norm2d_measured<float> const& measured,
                                float* grad_weight, float* grad_bias, double*) {
    on.launch(kernel_grid{of.channels},
              batch_norm2d_training_sums_channel{batch_norm2d_walk_of(of), x, grad_y, measured, grad_weight,
                                                 grad_bias});
}

/// grad_x = inverse·weight·(grad_y − mean_gradient − (x − mean)·inverse·share); grad_x may be grad_y. weight may be null.
template <detail::a_gpu Device>
void batch_norm2d_training_backward(Device const& on, batch_norm2d_parameters const& of,
                                    batch_norm2d_measured<float> const& measured, float const* weight,
                                    float const* x, float const* grad_y, float* grad_x) {
    for_each_element(on, of.batch * of.channels * of.plane,
                     batch_norm2d_training_backward_element{detail::fast_divisor{of.plane},
                                                            detail::fast_divisor{of.channels}, measured,
                                                            weight, x, grad_y, grad_x});
}

} // namespace hookcam::kernels
