#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "../data/picture.hpp"

namespace hookcam {

/// Colours for the numbers 0 to 1: 256 of them, number x having entry ⌊256·x⌋ as in matplotlib. What lies
/// outside takes the nearer end, and NaN a colour of its own. Another map is another constant of this type.
struct colormap {
    static constexpr std::size_t entries = 256; ///< how many colours there are

    std::array<rgb, entries> colours; ///< from that of 0 to that of 1
    rgb not_a_number{255, 255, 255};  ///< white, as matplotlib's transparent is on paper

    /// The colour of a number.
    [[nodiscard]] constexpr rgb operator()(double x) const noexcept {
        if (x != x) {
            return not_a_number;
        }
        if (x <= 0) {
            return colours.front();
        }
        return x < 1 ? colours[static_cast<std::size_t>(x * entries)] : colours.back();
    }
};

namespace detail {

/// A point of a channel's curve: position and intensity, both 0 to 1.
struct colour_knot {
    double x;
    double y;
};

/// A channel's 256 bytes from straight lines between knots, the first at 0 and the last at 1. Intensity
/// becomes a byte by truncation, matplotlib's rule, so a last bit can decide: the steps are rounded in its
/// order too.
template <std::size_t Knots>
constexpr std::array<std::uint8_t, colormap::entries>
draw_channel(std::array<colour_knot, Knots> const& knots) {
    std::array<std::uint8_t, colormap::entries> bytes{};
    constexpr double last = colormap::entries - 1;
    std::size_t right = 1;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        double const x = static_cast<double>(i) * (1 / last) * last;
        while (knots[right].x * last < x) {
            ++right;
        }
        auto const& from = knots[right - 1];
        auto const& to = knots[right];
        double const part = (x - from.x * last) / (to.x * last - from.x * last);
        double const y = part * (to.y - from.y) + from.y;
        bytes[i] = static_cast<std::uint8_t>(y * 255);
    }
    return bytes;
}

template <std::size_t R, std::size_t G, std::size_t B>
constexpr colormap draw_colormap(std::array<colour_knot, R> const& red,
                                 std::array<colour_knot, G> const& green,
                                 std::array<colour_knot, B> const& blue) {
    auto const r = draw_channel(red);
    auto const g = draw_channel(green);
    auto const b = draw_channel(blue);
    colormap map{};
    for (std::size_t i = 0; i < colormap::entries; ++i) {
        map.colours[i] = {r[i], g[i], b[i]};
    }
    return map;
}

/// The map of 256 colours 0xRRGGBB.
constexpr colormap unpack_colormap(std::array<std::uint32_t, colormap::entries> const& packed) {
    colormap map{};
    for (std::size_t i = 0; i < colormap::entries; ++i) {
        map.colours[i] = {static_cast<std::uint8_t>(packed[i] >> 16 & 0xff),
                          static_cast<std::uint8_t>(packed[i] >> 8 & 0xff),
                          static_cast<std::uint8_t>(packed[i] & 0xff)};
    }
    return map;
}

} // namespace detail

/// matplotlib's `jet`, byte for byte: dark blue, blue, cyan, yellow, red, dark red.
inline constexpr colormap jet = detail::draw_colormap(
    std::array<detail::colour_knot, 5>{{{0, 0}, {0.35, 0}, {0.66, 1}, {0.89, 1}, {1, 0.5}}},
    std::array<detail::colour_knot, 6>{{{0, 0}, {0.125, 0}, {0.375, 1}, {0.64, 1}, {0.91, 0}, {1, 0}}},
    std::array<detail::colour_knot, 5>{{{0, 0.5}, {0.11, 1}, {0.34, 1}, {0.65, 0}, {1, 0}}});

/// matplotlib's `gray`: black to white.
inline constexpr colormap gray = [] {
    constexpr std::array<detail::colour_knot, 2> ramp{{{0, 0}, {1, 1}}};
    return detail::draw_colormap(ramp, ramp, ramp);
}();

} // namespace hookcam
