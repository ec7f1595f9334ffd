#pragma once

#include "../../cuda/fast_divisor.hpp"
#include "../../cuda/kernel.hpp"
#include "../../tensor/device.hpp"
#include "group_norm_parameters.hpp"

#include <cmath>
#include <cstddef>

namespace hookcam::kernels {

/// The sizes of a group norm, for a kernel.
struct group_norm_cuda_sizes {
    unsigned channels;
    unsigned groups;
    unsigned group_channels;
    unsigned size;  ///< of a group
    unsigned plane; ///< of a channel
    double eps;
    detail::fast_divisor by_plane;
    detail::fast_divisor by_group_channels;

    group_norm_cuda_sizes() = default;
    explicit group_norm_cuda_sizes(group_norm_parameters const& of)
        : channels{detail::narrow(of.channels)},
          groups{detail::narrow(of.groups)},
          group_channels{detail::narrow(of.group_channels())},
          size{detail::narrow(of.group_size())},
          plane{detail::narrow(of.plane)},
          eps{of.eps},
          by_plane{of.plane},
          by_group_channels{of.group_channels()} {}
};

/// What makes an element of a group normal, for a kernel: (x − mean)·inverse.
struct group_norm_statistics {
    float mean;
    float inverse;
};

/// Two sums of a group. As on the processor they are doubles: a group may be a whole image.
struct group_norm_sums {
    double first;
    double second;

    [[nodiscard]] HOOKCAM_DEVICE static group_norm_sums of_both(group_norm_sums const& a,
                                                                group_norm_sums const& b) {
        return {a.first + b.first, a.second + b.second};
    }
};

/// Measures the group at `x`; every thread gets the result, and may overwrite `sums`.
template <class Block, class Statistics>
HOOKCAM_DEVICE void measure_group(Block& block, unsigned threads, group_norm_cuda_sizes const& of,
                                  float const* x, group_norm_sums* sums, Statistics& normal) {
    typename Block::template per_thread<double> mean;
    auto const add = [](group_norm_sums const& a, group_norm_sums const& b) {
        return group_norm_sums::of_both(a, b);
    };
    block.each([&](unsigned thread) {
        double sum = 0;
        for (unsigned i = thread; i < of.size; i += threads)
            sum += static_cast<double>(x[i]);
        sums[thread] = {sum, 0};
    });
    reduce(block, threads, sums, add);
    block.each([&](unsigned thread) { mean[thread] = sums[0].first / static_cast<double>(of.size); });
    block.each([&](unsigned thread) {
        double squares = 0;
        for (unsigned i = thread; i < of.size; i += threads) {
            double const distance = static_cast<double>(x[i]) - mean[thread];
            squares += distance * distance;
        }
        sums[thread] = {squares, 0};
    });
    reduce(block, threads, sums, add);
    block.each([&](unsigned thread) {
        double const variance = sums[0].first / static_cast<double>(of.size);
        normal[thread] = {static_cast<float>(mean[thread]),
                          static_cast<float>(1 / std::sqrt(variance + of.eps))};
    });
}

/// Normalizes a group: a block a group.
struct group_norm_group {
    static constexpr char const* name = "group_norm";
    static constexpr unsigned threads = 256;
    struct shared {
        group_norm_sums sums[threads];
    };

    group_norm_cuda_sizes of;
    float const* weight;
    float const* bias;
    float const* x;
    float* y;
    float* inverses;

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        std::size_t const at = std::size_t{block.x} * of.size;
        unsigned const first = block.x % of.groups * of.group_channels;
        typename Block::template per_thread<group_norm_statistics> normal;
        measure_group(block, threads, of, x + at, block.shared().sums, normal);
        block.last([&](unsigned thread) {
            auto const [mean, inverse] = normal[thread];
            if (inverses != nullptr && thread == 0)
                inverses[block.x] = inverse;
            for (unsigned i = thread; i < of.size; i += threads) {
                unsigned const c = first + of.by_plane.quotient(i);
                float const scale = weight == nullptr ? inverse : inverse * weight[c];
                float const shift = bias == nullptr ? 0.0f : bias[c];
                y[at + i] = (x[at + i] - mean) * scale + shift;
            }
        });
    }
};

/// The gradient of a group's input, from the input, or where `inverses` is not null from the output: a block a group.
struct group_norm_backward_group_body {
    static constexpr char const* name = "group_norm_backward";
    static constexpr unsigned threads = 256;
    struct shared {
        group_norm_sums sums[threads];
    };

    group_norm_cuda_sizes of;
    float const* weight;
    float const* inverses;
    float const* read;
    float const* grad_y;
    float* grad_x;

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        auto* const sums = block.shared().sums;
        std::size_t const at = std::size_t{block.x} * of.size;
        unsigned const first = block.x % of.groups * of.group_channels;
        typename Block::template per_thread<group_norm_statistics> normal;
        if (inverses == nullptr)
            measure_group(block, threads, of, read + at, sums, normal);
        else
            block.each([&](unsigned thread) { normal[thread] = {0.0f, 1.0f}; }); // of an output
        block.each([&](unsigned thread) {
            auto const [mean, inverse] = normal[thread];
            group_norm_sums own{0, 0};
            for (unsigned i = thread; i < of.size; i += threads) {
                auto const h = static_cast<double>(weighted(first, i, at));
                own.first += h;
                own.second += h * static_cast<double>((read[at + i] - mean) * inverse);
            }
            sums[thread] = own;
        });
        reduce(block, threads, sums, [](group_norm_sums const& a, group_norm_sums const& b) {
            return group_norm_sums::of_both(a, b);
        });
        block.last([&](unsigned thread) {
            auto const [mean, inverse] = normal[thread];
            float const scale = inverses == nullptr ? inverse : inverses[block.x];
            auto const mean_h = static_cast<float>(sums[0].first / static_cast<double>(of.size));
            auto const share = static_cast<float>(sums[0].second / static_cast<double>(of.size));
            for (unsigned i = thread; i < of.size; i += threads)
                grad_x[at + i] =
                    scale * (weighted(first, i, at) - mean_h - (read[at + i] - mean) * inverse * share);
        });
    }

private:
    [[nodiscard]] HOOKCAM_DEVICE float weighted(unsigned first, unsigned i, std::size_t at) const {
        return weight == nullptr ? grad_y[at + i] : grad_y[at + i] * weight[first + of.by_plane.quotient(i)];
    }
};

/// Measures a group for the gradients of weight and bias: a block a group.
struct group_norm_measure {
    static constexpr char const* name = "group_norm_measure";
    static constexpr unsigned threads = 256;
    struct shared {
        group_norm_sums sums[threads];
    };

    group_norm_cuda_sizes of;
    float const* x;
    float* statistics; ///< of each group its mean and its inverse

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        typename Block::template per_thread<group_norm_statistics> normal;
        measure_group(block, threads, of, x + std::size_t{block.x} * of.size, block.shared().sums, normal);
        block.last([&](unsigned thread) {
            if (thread != 0)
                return;
            statistics[2 * std::size_t{block.x}] = normal[0].mean;
            statistics[2 * std::size_t{block.x} + 1] = normal[0].inverse;
        });
    }
};

/// The gradients of a channel's weight and bias: a block a channel.
struct group_norm_parameters_channel {
    static constexpr char const* name = "group_norm_backward_parameters";
    static constexpr unsigned threads = 128;
    struct pair {
        float weighted;
        float plain;
    };
    struct shared {
        pair values[threads];
    };

    group_norm_cuda_sizes of;
    unsigned elements; ///< of a channel in all images
    float const* statistics;
    float const* x;
    float const* grad_y;
    float* grad_weight;
    float* grad_bias;

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        auto& own = block.shared();
        unsigned const c = block.x;
        unsigned const group = of.by_group_channels.quotient(c);
        block.each([&](unsigned thread) {
            pair sums{0.0f, 0.0f};
            for (unsigned i = thread; i < elements; i += threads) {
                unsigned const image = of.by_plane.quotient(i);
                std::size_t const at =
                    (std::size_t{image} * of.channels + c) * of.plane + (i - image * of.plane);
                float const* const normal = statistics + 2 * (std::size_t{image} * of.groups + group);
                sums.weighted += grad_y[at] * ((x[at] - normal[0]) * normal[1]);
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
            grad_weight[c] = own.values[0].weighted;
            if (grad_bias != nullptr)
                grad_bias[c] = own.values[0].plain;
        });
    }
};

/// Bytes of scratch memory that the gradients of weight and bias need on a GPU.
[[nodiscard]] constexpr std::size_t group_norm_cuda_scratch(std::size_t batch, std::size_t groups) noexcept {
    return batch * groups * 2 * sizeof(float);
}

/// y = (x − mean)·inverse·weight + bias; y may be x, and weight, bias and inverses null.
template <detail::a_gpu Device>
void group_norm(Device const& on, group_norm_parameters const& of, float const* weight, float const* bias,
                float const* x, float* y, float* inverses) {
    on.launch(kernel_grid{of.batch * of.groups},
              group_norm_group{group_norm_cuda_sizes{of}, weight, bias, x, y, inverses});
}

/// The gradient of the input, from the input. weight may be null.
template <detail::a_gpu Device>
void group_norm_backward(Device const& on, group_norm_parameters const& of, float const* weight,
                         float const* x, float const* grad_y, float* grad_x) {
    on.launch(kernel_grid{of.batch * of.groups},
              group_norm_backward_group_body{group_norm_cuda_sizes{of}, weight, nullptr, x, grad_y, grad_x});
}

/// The same without weight and bias, from the output and the inverses.
template <detail::a_gpu Device>
void group_norm_backward_from_output(Device const& on, group_norm_parameters const& of, float const* inverses,
                                     float const* y, float const* grad_y, float* grad_x) {
    on.launch(
        kernel_grid{of.batch * of.groups},
        group_norm_backward_group_body{group_norm_cuda_sizes{of}, nullptr, inverses, y, grad_y, grad_x});
}

/// grad_weight = Σ grad_y·(x − mean)·inverse and grad_bias = Σ grad_y over batch and plane. grad_bias may be null.
template <detail::a_gpu Device>
void group_norm_backward_parameters(Device const& on, group_norm_parameters const& of, float const* x,
                                    float const* grad_y, float* grad_weight, float* grad_bias,
                                    float* scratch) {
    group_norm_cuda_sizes const sizes{of};
    on.launch(kernel_grid{of.batch * of.groups}, group_norm_measure{sizes, x, scratch});
    on.launch(kernel_grid{of.channels},
              group_norm_parameters_channel{sizes, detail::narrow(of.batch * of.plane), scratch, x, grad_y,
                                            grad_weight, grad_bias});
}

} // namespace hookcam::kernels
