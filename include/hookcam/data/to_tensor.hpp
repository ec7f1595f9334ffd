#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include "image_span.hpp"

namespace hookcam {

/// A transform: bytes 0 to 255 become numbers 0 to 1, as torchvision's `ToTensor`. An image of numbers keeps them, in
/// another type where `T` is another.
template <std::floating_point T = float>
struct to_tensor {
    using value_type = T; ///< what it makes

    /// From bytes.
    void operator()(image_span<std::uint8_t const> from, image_span<T> to) const noexcept {
        auto const in = from.values();
        auto const out = to.values();
        for (std::size_t i = 0; i < in.size(); ++i) {
            out[i] = static_cast<T>(in[i]) / T{255};
        }
    }

    /// From numbers.
    template <std::floating_point U>
    void operator()(image_span<U const> from, image_span<T> to) const noexcept {
        auto const in = from.values();
        auto const out = to.values();
        for (std::size_t i = 0; i < in.size(); ++i) {
            out[i] = static_cast<T>(in[i]);
        }
    }
};

} // namespace hookcam
