#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "../core/error.hpp"
#include "../data/picture.hpp"
#include "colormap.hpp"

namespace hookcam {

namespace detail {

inline double heat_of(std::floating_point auto value) {
    return static_cast<double>(value);
}
inline double heat_of(std::uint8_t value) {
    return value / 255.0;
}

template <class T>
picture blend(picture const& image, std::span<T const> heat, colormap const& colours, double alpha) {
    if (heat.size() * 3 != image.bytes().size()) {
        throw error{error_kind::shape, "hookcam::overlay: the heatmap must have one value a pixel, " +
                                           std::to_string(image.height()) + "×" +
                                           std::to_string(image.width()) + "; it has " +
                                           std::to_string(heat.size()) + " values"};
    }
    if (!(alpha >= 0 && alpha <= 1)) {
        throw error{error_kind::use, "hookcam::overlay: alpha must lie from 0 (the picture alone) to 1 (the "
                                     "heatmap alone); it is " +
                                         std::to_string(alpha)};
    }
    picture result = image;
    auto const bytes = result.bytes();
    for (std::size_t i = 0; i < heat.size(); ++i) {
        double const value = heat_of(heat[i]);
        if (value != value) {
            continue; // nothing is known here, so nothing is laid over it
        }
        auto const colour = colours(value);
        for (std::size_t c = 0; c < 3; ++c) {
            auto& byte = bytes[i * 3 + c];
            byte = static_cast<std::uint8_t>(alpha * colour[c] + (1 - alpha) * byte + 0.5);
        }
    }
    return result;
}

} // namespace detail

/// A heatmap laid over a picture of its size: alpha · colour + (1 − alpha) · picture, rounded to the nearest
/// byte. Alpha 0 gives the picture back exactly, alpha 1 the heatmap's colours. `heat` has height × width
/// values, row-major; it is taken as it is and never rescaled: below 0 and above 1 have the colours of 0 and
/// 1, and where it is NaN the picture stays. Throws `error_kind::shape` for another count of values and
/// `error_kind::use` for an alpha outside 0 to 1.
[[nodiscard]] inline picture overlay(picture const& image, std::span<float const> heat,
                                     colormap const& colours = jet, double alpha = 0.4) {
    return detail::blend(image, heat, colours, alpha);
}

/// The same for a heatmap of type double.
[[nodiscard]] inline picture overlay(picture const& image, std::span<double const> heat,
                                     colormap const& colours = jet, double alpha = 0.4) {
    return detail::blend(image, heat, colours, alpha);
}

/// The same for a mask of bytes, whose 0 to 255 are 0 to 1.
[[nodiscard]] inline picture overlay(picture const& image, std::span<std::uint8_t const> heat,
                                     colormap const& colours = jet, double alpha = 0.4) {
    return detail::blend(image, heat, colours, alpha);
}

} // namespace hookcam
