#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "../core/error.hpp"
#include "picture.hpp"

namespace hookcam {

/// How bytes become a network's input: (x / range − mean[c]) / deviation[c], c counting R, G, B. Computed in
/// the result's type in this order, so the bits are those of torchvision's `ToTensor` and `Normalize`.
struct normalization {
    double range = 255;                       ///< what a byte is divided by first
    std::array<double, 3> mean{0, 0, 0};      ///< of R, G, B after that
    std::array<double, 3> deviation{1, 1, 1}; ///< of R, G, B after that
};

namespace detail {

/// The arithmetic of one channel. Throws `error_kind::use` where it would divide by zero.
template <std::floating_point T>
class channel_scale {
public:
    channel_scale(normalization const& how, std::size_t channel)
        : m_range{static_cast<T>(how.range)},
          m_mean{static_cast<T>(how.mean[channel])},
          m_deviation{static_cast<T>(how.deviation[channel])} {
        if (!std::isfinite(m_mean) || !std::isnormal(m_range) || !std::isnormal(m_deviation)) {
            throw error{error_kind::use,
                        "hookcam::normalize: range, mean and deviation must be finite, range and deviation "
                        "not zero; those of channel " +
                            std::to_string(channel) + " are not"};
        }
    }

    [[nodiscard]] T operator()(T level) const noexcept { return (level / m_range - m_mean) / m_deviation; }

private:
    T m_range;
    T m_mean;
    T m_deviation;
};

inline void require_values(std::size_t given, std::size_t needed) {
    if (given != needed) {
        throw error{error_kind::shape, "hookcam::normalize: there must be room for three values a pixel, " +
                                           std::to_string(needed) + "; the span given holds " +
                                           std::to_string(given)};
    }
}

/// `first(c)` is where channel c begins in `bytes`, `stride` what lies between two of its pixels.
template <std::floating_point T>
void normalize_channels(std::span<std::uint8_t const> bytes, auto first, std::size_t stride,
                        normalization const& how, std::span<T> out) {
    require_values(out.size(), bytes.size());
    std::size_t const plane = bytes.size() / 3;
    for (std::size_t c = 0; c < 3; ++c) {
        channel_scale<T> const scale{how, c};
        for (std::size_t i = 0; i < plane; ++i) {
            out[c * plane + i] = scale(static_cast<T>(bytes[first(c) + i * stride]));
        }
    }
}

} // namespace detail

/// A picture as a network's input, 3 × height × width, into the caller's memory. Throws `error_kind::shape`
/// where `out` is of another size and `error_kind::use` where `how` divides by zero.
template <std::floating_point T>
void normalize(picture const& source, normalization const& how, std::span<T> out) {
    detail::normalize_channels(
        source.bytes(), [](std::size_t c) { return c; }, 3, how, out);
}

/// The same from bytes that lie in planes already: 3 × height × width, as CIFAR-10 stores them.
template <std::floating_point T>
void normalize_planes(std::span<std::uint8_t const> planes, normalization const& how, std::span<T> out) {
    if (planes.size() % 3 != 0) {
        throw error{error_kind::shape, "hookcam::normalize_planes: there must be three planes; " +
                                           std::to_string(planes.size()) + " bytes are not three of a size"};
    }
    std::size_t const plane = planes.size() / 3;
    detail::normalize_channels(
        planes, [plane](std::size_t c) { return c * plane; }, 1, how, out);
}

} // namespace hookcam
