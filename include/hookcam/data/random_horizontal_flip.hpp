#pragma once

#include <algorithm>
#include <cstddef>

#include "image_span.hpp"
#include "random_draws.hpp"

namespace hookcam {

/// A transform: the image, or with this probability its mirror image, left and right exchanged. As torchvision's
/// `RandomHorizontalFlip`.
struct random_horizontal_flip {
    double probability = 0.5; ///< 0 to 1

    /// Changes the image.
    template <class T>
    void operator()(image_span<T> image, random_draws& random) const noexcept {
        if (random.uniform() >= probability) {
            return;
        }
        auto const& shape = image.shape();
        for (std::size_t c = 0; c < shape.channels; ++c) {
            for (std::size_t y = 0; y < shape.height; ++y) {
                std::ranges::reverse(image.row(c, y));
            }
        }
    }
};

} // namespace hookcam
