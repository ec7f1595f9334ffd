#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "../core/error.hpp"
#include "../core/instruction_set.hpp"
#include "../data/picture.hpp"
#include "colormap.hpp"

namespace hookcam {

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

auto heat_of(std::floating_point auto value) {
    return value;
}
inline float heat_of(std::uint8_t value) {
    return static_cast<float>(value) / 255;
}

/// The entries of a colour map that `count` numbers choose, which are those of `colormap::operator()`, and
/// `colormap::entries` for NaN.
template <class T>
void choose_entries(T const* heat, std::size_t count, int* entries) noexcept {
    constexpr int last = colormap::entries - 1;
    for (std::size_t i = 0; i < count; ++i) {
        auto const value = heat_of(heat[i]);
        using number = decltype(heat_of(heat[i]));
        auto const inside = std::min(std::max(number{0}, value), number{1}); // NaN is 0 here
        int const entry = std::min(static_cast<int>(inside * number{colormap::entries}), last);
        entries[i] = value == value ? entry : last + 1;
    }
}

/// alpha · over + (1 − alpha) · bytes, rounded, at the place of `bytes`.
inline void mix_bytes(std::uint8_t const* over, std::size_t count, float alpha,
                      std::uint8_t* bytes) noexcept {
    float const rest = 1 - alpha;
    for (std::size_t i = 0; i < count; ++i)
        bytes[i] = static_cast<std::uint8_t>(alpha * static_cast<float>(over[i]) +
                                             rest * static_cast<float>(bytes[i]) + 0.5F);
}

inline void check_alpha(double alpha) {
    if (!(alpha >= 0 && alpha <= 1)) {
        throw error{error_kind::use, "hookcam::overlay: alpha must lie from 0 (the picture alone) to 1 (the "
                                     "heatmap alone); it is " +
                                         std::to_string(alpha)};
    }
}

template <class T>
picture blend(picture const& image, std::span<T const> heat, colormap const& colours, double alpha) {
    if (heat.size() * 3 != image.bytes().size()) {
        throw error{error_kind::shape, "hookcam::overlay: the heatmap must have one value a pixel, " +
                                           std::to_string(image.height()) + "×" +
                                           std::to_string(image.width()) + "; it has " +
                                           std::to_string(heat.size()) + " values"};
    }
    check_alpha(alpha);
    picture result = image;
    auto const bytes = result.bytes();
    constexpr std::size_t strip = 256; // pixels at a time: what is laid over them lies on the stack
    std::array<int, strip> entries;
    std::array<std::uint8_t, strip * 3> over;
    for (std::size_t first = 0; first < heat.size(); first += strip) {
        std::size_t const count = std::min(strip, heat.size() - first);
        auto* const under = bytes.data() + first * 3;
        choose_entries(heat.data() + first, count, entries.data());
        for (std::size_t i = 0; i < count; ++i) {
            // Where nothing is known, the picture lies over itself, and stays.
            auto const entry = static_cast<std::size_t>(entries[i]);
            auto const* const colour =
                entry < colormap::entries ? colours.colours[entry].data() : under + i * 3;
            std::copy_n(colour, 3, over.data() + i * 3);
        }
        mix_bytes(over.data(), count * 3, static_cast<float>(alpha), under);
    }
    return result;
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

inline namespace HOOKCAM_INSTRUCTION_SET {

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

} // namespace HOOKCAM_INSTRUCTION_SET

} // namespace hookcam
