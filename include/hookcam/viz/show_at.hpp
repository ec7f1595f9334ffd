#pragma once

#include <cstddef>

#include "../data/picture.hpp"
#include "../data/resize.hpp"

namespace hookcam::detail {

/// The picture at the size it is shown in: grown pixels stay squares, as matplotlib shows them; shrinking
/// averages.
inline picture show_at(picture const& source, std::size_t height, std::size_t width) {
    if (height < source.height() || width < source.width()) {
        return resize(source, height, width);
    }
    picture result{height, width};
    for (std::size_t y = 0; y < height; ++y) {
        for (std::size_t x = 0; x < width; ++x) {
            result.set(y, x,
                       source.at((2 * y + 1) * source.height() / (2 * height),
                                 (2 * x + 1) * source.width() / (2 * width)));
        }
    }
    return result;
}

} // namespace hookcam::detail
