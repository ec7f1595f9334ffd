#pragma once

#include "../core/on_device.hpp"

#include <cmath>
#include <limits>
#include <type_traits>

namespace hookcam::kernels {

/// What a batch norm keeps for each channel, for a kernel. Weight and bias may be null.
struct channel_norm {
    float eps = 0.0f;
    float const* weight = nullptr;
    float const* bias = nullptr;
    float const* mean = nullptr;
    float const* variance = nullptr;

    [[nodiscard]] HOOKCAM_DEVICE float inverse_deviation(unsigned c) const {
        return 1.0f / std::sqrt(variance[c] + eps);
    }
    [[nodiscard]] HOOKCAM_DEVICE float scale(unsigned c) const {
        float const deviation = inverse_deviation(c);
        return weight == nullptr ? deviation : weight[c] * deviation;
    }
    /// Rounded once, as is x·scale + shift: no compiler may choose, since a kernel of its own and one that does this to its
    /// sums must give the same bits.
    [[nodiscard]] HOOKCAM_DEVICE float shift(unsigned c, float scale) const {
        return std::fma(-mean[c], scale, bias == nullptr ? 0.0f : bias[c]);
    }
};

/// max(x, 0), and of that no more than `largest`, where it is on; NaN passes.
struct rectification {
    bool is_on = false;
    float largest = std::numeric_limits<float>::infinity();

    [[nodiscard]] HOOKCAM_DEVICE float of(float x) const {
        if (!is_on)
            return x;
        float const positive = x < 0.0f ? 0.0f : x;
        return positive > largest ? largest : positive;
    }
};

/// What a kernel does to a sum before it stores it, in this order: it stands for the layers behind, which nobody watches.
struct sum_ending {
    channel_norm norm{}; ///< where it has a variance
    rectification rectifier{};

    /// What all sums of a channel share.
    struct channel {
        float bias;
        float scale;
        float shift;
    };

    [[nodiscard]] HOOKCAM_DEVICE channel channel_at(unsigned c, float const* bias) const {
        channel found{bias == nullptr ? 0.0f : bias[c], 1.0f, 0.0f};
        if (norm.variance != nullptr) {
            found.scale = norm.scale(c);
            found.shift = norm.shift(c, found.scale);
        }
        return found;
    }

    [[nodiscard]] HOOKCAM_DEVICE float end(float sum, channel const& of) const {
        float value = sum + of.bias;
        if (norm.variance != nullptr)
            value = std::fma(value, of.scale, of.shift);
        return rectifier.of(value);
    }
};

static_assert(std::is_trivially_copyable_v<sum_ending> && std::is_standard_layout_v<sum_ending>);

} // namespace hookcam::kernels
