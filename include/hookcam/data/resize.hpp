#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "../core/error.hpp"
#include "limits.hpp"
#include "picture.hpp"

namespace hookcam {

namespace detail {

/// For each output position along one axis: where its inputs begin, and their weights in units of 1 / `one`.
struct resample_taps {
    static constexpr std::int64_t one = std::int64_t{1} << 22; // Pillow's precision, so that ties round alike

    struct position {
        std::size_t first;
        std::vector<std::int64_t> weights;
    };
    std::vector<position> positions;

    resample_taps(std::size_t from, std::size_t to) {
        double const scale = static_cast<double>(from) / static_cast<double>(to);
        double const reach = std::max(scale, 1.0); // shrinking widens the triangle: every input pixel counts
        positions.reserve(to);
        std::vector<double> triangle;
        for (std::size_t i = 0; i < to; ++i) {
            double const centre = (static_cast<double>(i) + 0.5) * scale; // pixel i covers i to i + 1
            auto const first = static_cast<std::size_t>(std::max(centre - reach + 0.5, 0.0));
            auto const last = std::min(static_cast<std::size_t>(centre + reach + 0.5), from);
            triangle.clear();
            for (std::size_t k = first; k < last; ++k) {
                double const distance = std::abs(static_cast<double>(k) + 0.5 - centre) / reach;
                triangle.push_back(std::max(1.0 - distance, 0.0));
            }
            double const area = std::accumulate(triangle.begin(), triangle.end(), 0.0);
            auto& weights = positions.emplace_back(position{first, {}}).weights;
            for (double const height : triangle) {
                weights.push_back(std::llround(height / area * static_cast<double>(one)));
            }
        }
    }

    static std::uint8_t to_byte(std::int64_t sum) {
        return static_cast<std::uint8_t>(std::clamp<std::int64_t>((sum + one / 2) / one, 0, 255));
    }
};

inline void require_pixels(picture const& source, std::size_t height, std::size_t width, char const* entity) {
    if (source.empty() || height == 0 || width == 0) {
        throw error{error_kind::shape, std::string{"hookcam::"} + entity +
                                           ": there must be pixels to read and to write; this is " +
                                           std::to_string(source.height()) + "×" +
                                           std::to_string(source.width()) + " to " + std::to_string(height) +
                                           "×" + std::to_string(width)};
    }
}

/// The picture at another width.
inline picture resize_rows(picture const& source, std::size_t width) {
    resample_taps const taps{source.width(), width};
    picture result{source.height(), width};
    auto const in = source.bytes();
    auto const out = result.bytes();
    for (std::size_t y = 0; y < source.height(); ++y) {
        for (std::size_t x = 0; x < width; ++x) {
            auto const& [first, weights] = taps.positions[x];
            for (std::size_t c = 0; c < 3; ++c) {
                std::int64_t sum = 0;
                for (std::size_t k = 0; k < weights.size(); ++k) {
                    sum += weights[k] * in[(y * source.width() + first + k) * 3 + c];
                }
                out[(y * width + x) * 3 + c] = resample_taps::to_byte(sum);
            }
        }
    }
    return result;
}

/// The picture at another height: whole rows are summed, so that memory is read in order.
inline picture resize_columns(picture const& source, std::size_t height) {
    resample_taps const taps{source.height(), height};
    picture result{height, source.width()};
    auto const in = source.bytes();
    auto const out = result.bytes();
    std::size_t const row = source.width() * 3;
    std::vector<std::int64_t> sums(row);
    for (std::size_t y = 0; y < height; ++y) {
        auto const& [first, weights] = taps.positions[y];
        std::fill(sums.begin(), sums.end(), 0);
        for (std::size_t k = 0; k < weights.size(); ++k) {
            for (std::size_t i = 0; i < row; ++i) {
                sums[i] += weights[k] * in[(first + k) * row + i];
            }
        }
        std::transform(sums.begin(), sums.end(), out.begin() + static_cast<std::ptrdiff_t>(y * row),
                       resample_taps::to_byte);
    }
    return result;
}

} // namespace detail

/// The picture at another size: bilinear with half-pixel centres (PyTorch's `align_corners=False`), widened
/// to a triangle over all pixels that fall together when shrinking (`antialias=True`). First along rows,
/// rounded to 8 bits, then along columns, as Pillow's and torchvision's `resize` do it: their bytes, give or
/// take a level. Throws `error_kind::shape` without pixels, and where more than `max_picture_pixels` would be
/// made on the way.
inline picture resize(picture const& source, std::size_t height, std::size_t width) {
    detail::require_pixels(source, height, width, "resize");
    if (std::max(height, source.height()) > max_picture_pixels / width) {
        throw error{error_kind::shape,
                    "hookcam::resize: a picture must stay within " + std::to_string(max_picture_pixels) +
                        " pixels; " + std::to_string(source.height()) + "×" + std::to_string(source.width()) +
                        " to " + std::to_string(height) + "×" + std::to_string(width) + " does not"};
    }
    if (width == source.width()) {
        return height == source.height() ? source : detail::resize_columns(source, height);
    }
    auto wide = detail::resize_rows(source, width);
    return height == source.height() ? wide : detail::resize_columns(wide, height);
}

/// The middle of the picture. An odd margin is halved to the even side, as torchvision's `center_crop` does
/// (it rounds halves to even). Throws `error_kind::shape` where the picture is smaller.
inline picture center_crop(picture const& source, std::size_t height, std::size_t width) {
    detail::require_pixels(source, height, width, "center_crop");
    if (height > source.height() || width > source.width()) {
        throw error{error_kind::shape, "hookcam::center_crop: the picture must be at least " +
                                           std::to_string(height) + "×" + std::to_string(width) + "; it is " +
                                           std::to_string(source.height()) + "×" +
                                           std::to_string(source.width()) + ", resize it first"};
    }
    auto const half_to_even = [](std::size_t margin) { return margin / 2 + (margin % 4 == 3 ? 1 : 0); };
    std::size_t const top = half_to_even(source.height() - height);
    std::size_t const left = half_to_even(source.width() - width);
    picture result{height, width};
    for (std::size_t y = 0; y < height; ++y) {
        auto const row = source.bytes().subspan(((top + y) * source.width() + left) * 3, width * 3);
        std::copy(row.begin(), row.end(),
                  result.bytes().begin() + static_cast<std::ptrdiff_t>(y * width * 3));
    }
    return result;
}

/// How the longer side becomes a whole number of pixels where a picture keeps its shape.
enum class longer_side {
    rounded_down, ///< as torchvision's `resize(size)` does
    to_nearest,   ///< as scripts do that round the length for Pillow's `resize`; halves up
};

/// The picture with its shorter side at `size` pixels and its shape kept. Throws `error_kind::shape` for a
/// size of 0, and where `resize` does.
inline picture resize_shorter_side(picture const& source, std::size_t size,
                                   longer_side rule = longer_side::rounded_down) {
    detail::require_pixels(source, size, size, "resize_shorter_side");
    std::size_t const h = source.height();
    std::size_t const w = source.width();
    auto const longer = [&](std::size_t length, std::size_t shorter) {
        std::size_t const half = rule == longer_side::to_nearest ? shorter : 0;
        return (2 * length * size + half) / (2 * shorter);
    };
    return h < w ? resize(source, size, longer(w, h)) : resize(source, longer(h, w), size);
}

/// The picture as a network takes it: its shorter side resized so that height × width fit, then
/// centre-cropped. Throws `error_kind::shape` where `resize` does.
inline picture resize_and_crop(picture const& source, std::size_t height, std::size_t width) {
    detail::require_pixels(source, height, width, "resize_and_crop");
    std::size_t const h = source.height();
    std::size_t const w = source.width();
    bool const too_wide = w * height >= h * width;
    return center_crop(too_wide ? resize(source, height, w * height / h)
                                : resize(source, h * width / w, width),
                       height, width);
}

} // namespace hookcam
