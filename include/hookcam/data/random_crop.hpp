#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "../core/error.hpp"
#include "image_span.hpp"
#include "random_draws.hpp"

namespace hookcam {

/// What stands in the border by which an image is padded.
enum class border {
    zero,    ///< zeros, as torchvision's `constant`
    reflect, ///< the image mirrored at its outermost pixels, which are not repeated: … 2 1 0 1 2 …
};

/// A transform: the image with a border on each side, and of that a window of this size somewhere, every place as likely.
/// As torchvision's `RandomCrop`. In front of `to_tensor` and `normalize`, as there, a border of zeros is black.
struct random_crop {
    std::size_t height;                    ///< of the window
    std::size_t width;                     ///< of the window
    std::size_t padding = 0;               ///< how wide the border is
    hookcam::border border = border::zero; ///< what stands there

    /// The window's sizes. Throws `error_kind::shape` where the padded image is smaller, and where it is not larger than a
    /// border that mirrors it.
    [[nodiscard]] image_shape shape(image_shape const& in) const {
        auto const refuse = [&](std::string const& what) {
            throw error{error_kind::shape, "hookcam::random_crop: " + what + "; it is " +
                                               std::to_string(in.height) + "×" + std::to_string(in.width) +
                                               " with a padding of " + std::to_string(padding)};
        };
        if (height == 0 || width == 0 || in.height + 2 * padding < height || in.width + 2 * padding < width) {
            std::string what = "the padded image must hold a window of ";
            what += std::to_string(height) + "×" + std::to_string(width);
            refuse(what);
        }
        if (border == border::reflect && padding >= std::min(in.height, in.width)) {
            refuse("an image must be larger than a border that reflects it");
        }
        return {in.channels, height, width};
    }

    /// Writes the window.
    template <class T>
    void operator()(image_span<T const> from, image_span<T> to, random_draws& random) const noexcept {
        auto const& in = from.shape();
        auto const choose = [&](std::size_t size, std::size_t window) {
            return static_cast<std::size_t>(
                random.below(static_cast<std::uint32_t>(size + 2 * padding - window + 1)));
        };
        std::size_t const top = choose(in.height, height);
        std::size_t const left = choose(in.width, width);
        // Columns of the window that lie in the image: the others are border.
        std::size_t const first = std::min(width, padding - std::min(padding, left));
        std::size_t const last = std::min(width, in.width + padding - std::min(in.width + padding, left));
        for (std::size_t c = 0; c < in.channels; ++c) {
            for (std::size_t y = 0; y < height; ++y) {
                auto const out = to.row(c, y);
                std::size_t const padded = top + y;
                bool const inside = padded >= padding && padded < in.height + padding;
                if (!inside && border == border::zero) {
                    std::ranges::fill(out, T{});
                    continue;
                }
                auto const row = from.row(c, place(padded, in.height));
                for (std::size_t x = 0; x < first; ++x) {
                    out[x] = border == border::zero ? T{} : row[place(left + x, in.width)];
                }
                if (first < last) {
                    std::copy_n(row.data() + (left + first - padding), last - first, out.data() + first);
                }
                for (std::size_t x = last; x < width; ++x) {
                    out[x] = border == border::zero ? T{} : row[place(left + x, in.width)];
                }
            }
        }
    }

private:
    /// Where a row or column of the padded image comes from.
    [[nodiscard]] std::size_t place(std::size_t padded, std::size_t size) const noexcept {
        if (padded < padding) {
            return padding - padded;
        }
        std::size_t const at = padded - padding;
        return at < size ? at : 2 * (size - 1) - at;
    }
};

} // namespace hookcam
