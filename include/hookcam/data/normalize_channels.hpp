#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>

#include "../core/error.hpp"
#include "image_span.hpp"
#include "normalize.hpp"

namespace hookcam {

/// A transform: (x − mean[c]) / deviation[c] in each channel, as torchvision's `Normalize`, computed in the image's type.
/// `normalize` makes one.
template <std::size_t Channels>
struct normalize_channels {
    std::array<double, Channels> mean;      ///< of each channel
    std::array<double, Channels> deviation; ///< of each channel

    /// The same sizes. Throws `error_kind::shape` for another count of channels.
    [[nodiscard]] image_shape shape(image_shape const& in) const {
        if (in.channels != Channels) {
            throw error{error_kind::shape,
                        "hookcam::normalize: there must be a mean and a deviation for each of " +
                            std::to_string(in.channels) + " channels; there are " + std::to_string(Channels)};
        }
        return in;
    }

    /// Changes the image.
    template <std::floating_point T>
    void operator()(image_span<T> image) const noexcept {
        for (std::size_t c = 0; c < Channels; ++c) {
            auto const m = static_cast<T>(mean[c]);
            auto const d = static_cast<T>(deviation[c]);
            for (auto& x : image.plane(c)) {
                x = (x - m) / d;
            }
        }
    }
};

/// The transform that subtracts the means and divides by the deviations, one each a channel: `normalize({0.5}, {0.5})`.
/// Throws `error_kind::use` where it would divide by zero.
template <std::size_t Channels>
[[nodiscard]] normalize_channels<Channels> normalize(double const (&mean)[Channels],
                                                     double const (&deviation)[Channels]) {
    normalize_channels<Channels> result{};
    for (std::size_t c = 0; c < Channels; ++c) {
        if (!std::isfinite(mean[c]) || !std::isnormal(static_cast<float>(deviation[c]))) {
            throw error{
                error_kind::use,
                "hookcam::normalize: mean and deviation must be finite, and the deviation not zero; those "
                "of channel " +
                    std::to_string(c) + " are not"};
        }
        result.mean[c] = mean[c];
        result.deviation[c] = deviation[c];
    }
    return result;
}

/// The same for three colours, such as `cifar10_half`. `to_tensor` has divided by 255 in front of it: throws
/// `error_kind::use` where `how` has another range.
[[nodiscard]] inline normalize_channels<3> normalize(normalization const& how) {
    if (how.range != 255) {
        throw error{error_kind::use,
                    "hookcam::normalize: the range must be 255, by which to_tensor divides; it is " +
                        std::to_string(how.range)};
    }
    auto const& [m0, m1, m2] = how.mean;
    auto const& [d0, d1, d2] = how.deviation;
    return normalize<3>({m0, m1, m2}, {d0, d1, d2});
}

} // namespace hookcam
