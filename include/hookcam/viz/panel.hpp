#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "../core/error.hpp"
#include "../data/picture.hpp"
#include "colormap.hpp"

namespace hookcam {

/// What a colour bar tells: which colours, from which number to which.
struct colour_scale {
    colormap colours = jet; ///< for the numbers from `low` to `high`
    double low = 0;         ///< the number at the bar's lower end
    double high = 1;        ///< the number at its upper end
};

/// A picture of a figure with its title (UTF-8, one line) and, where it shows numbers, their colour bar.
struct panel {
    picture image;                     ///< of any size
    std::string title{};               ///< none where it is empty
    std::optional<colour_scale> bar{}; ///< none where it is empty
};

namespace detail {

inline void require_scale(colour_scale const& scale, std::string const& entity) {
    if (!std::isfinite(scale.low) || !std::isfinite(scale.high) || scale.low > scale.high) {
        throw error{error_kind::use, "hookcam::" + entity +
                                         ": a colour scale must go from a finite number up to one; it goes "
                                         "from " +
                                         std::to_string(scale.low) + " to " + std::to_string(scale.high)};
    }
}

template <std::floating_point T>
picture colour_values(std::span<T const> values, std::size_t height, std::size_t width,
                      colour_scale const& scale) {
    picture image{height, width};
    if (values.size() * 3 != image.bytes().size()) {
        throw error{error_kind::shape, "hookcam::panel: there must be one value a pixel, " +
                                           std::to_string(height) + "×" + std::to_string(width) +
                                           "; there are " + std::to_string(values.size())};
    }
    require_scale(scale, "panel");
    // Halves, because the distance of two finite numbers may not be one.
    double const extent = scale.high / 2 - scale.low / 2;
    for (std::size_t i = 0; i < values.size(); ++i) {
        double const value = static_cast<double>(values[i]);
        // A scale of one number: that number has the lowest colour, as in matplotlib.
        double const x = extent > 0 ? (value / 2 - scale.low / 2) / extent : value - scale.low;
        image.set(i / width, i % width, scale.colours(x));
    }
    return image;
}

/// The colours from the smallest to the largest of the numbers that are finite.
template <std::floating_point T>
colour_scale scale_of(std::span<T const> values, colormap const& colours) {
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (T const value : values) {
        if (std::isfinite(value)) {
            low = std::min(low, static_cast<double>(value));
            high = std::max(high, static_cast<double>(value));
        }
    }
    return low <= high ? colour_scale{colours, low, high} : colour_scale{colours, 0, 0};
}

} // namespace detail

/// A panel of height × width numbers, row-major, in the colours of `scale` and with its bar. The numbers are
/// taken as they are: outside the scale they have the colour of its nearer end, NaN the map's `not_a_number`.
/// Throws `error_kind::shape` for another count of values, `error_kind::use` for a scale that does not go
/// from a finite number up to one.
[[nodiscard]] inline panel heat_panel(std::span<float const> values, std::size_t height, std::size_t width,
                                      std::string title, colour_scale const& scale = {}) {
    return {detail::colour_values(values, height, width, scale), std::move(title), scale};
}

/// The same for numbers of type double.
[[nodiscard]] inline panel heat_panel(std::span<double const> values, std::size_t height, std::size_t width,
                                      std::string title, colour_scale const& scale = {}) {
    return {detail::colour_values(values, height, width, scale), std::move(title), scale};
}

/// A panel of a feature map: height × width numbers of any size, row-major, gray from their smallest (black)
/// to their largest (white), without a bar.
[[nodiscard]] inline panel feature_panel(std::span<float const> values, std::size_t height, std::size_t width,
                                         std::string title = {}) {
    return {
        detail::colour_values(values, height, width, detail::scale_of(values, gray)), std::move(title), {}};
}

/// The same for numbers of type double.
[[nodiscard]] inline panel feature_panel(std::span<double const> values, std::size_t height,
                                         std::size_t width, std::string title = {}) {
    return {
        detail::colour_values(values, height, width, detail::scale_of(values, gray)), std::move(title), {}};
}

} // namespace hookcam
