#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "../core/error.hpp"

namespace hookcam {

/// A colour: red, green, blue, 0 to 255 each, in the encoding of the screen (sRGB).
using rgb = std::array<std::uint8_t, 3>;

/// An 8-bit colour picture that owns its pixels: row after row from the top, in a row from the left, three
/// bytes R, G, B a pixel (height × width × 3). Two pictures are equal when their sizes and all bytes are.
class picture {
public:
    picture() = default;

    /// A black picture.
    picture(std::size_t height, std::size_t width)
        : m_height{height},
          m_width{width},
          m_bytes(byte_count(height, width)) {}

    /// A picture of given bytes. Throws `error_kind::shape` unless there are height × width × 3 of them.
    picture(std::size_t height, std::size_t width, std::vector<std::uint8_t> bytes)
        : m_height{height},
          m_width{width},
          m_bytes{std::move(bytes)} {
        if (m_bytes.size() != byte_count(height, width)) {
            throw error{error_kind::shape, "hookcam::picture: " + std::to_string(height) + "×" +
                                               std::to_string(width) +
                                               " pixels must come with three bytes each; there are " +
                                               std::to_string(m_bytes.size()) + " bytes"};
        }
    }

    /// A picture of one colour.
    [[nodiscard]] static picture filled(std::size_t height, std::size_t width, rgb colour) {
        picture result{height, width};
        for (std::size_t i = 0; i < result.m_bytes.size(); ++i) {
            result.m_bytes[i] = colour[i % 3];
        }
        return result;
    }

    /// In pixels.
    [[nodiscard]] std::size_t height() const noexcept { return m_height; }
    /// In pixels.
    [[nodiscard]] std::size_t width() const noexcept { return m_width; }
    /// True where there is no pixel.
    [[nodiscard]] bool empty() const noexcept { return m_bytes.empty(); }

    /// All bytes, height × width × 3, row-major.
    [[nodiscard]] std::span<std::uint8_t const> bytes() const& noexcept { return m_bytes; }
    /// The same, to write to.
    [[nodiscard]] std::span<std::uint8_t> bytes() & noexcept { return m_bytes; }
    void bytes() const&& = delete; // would dangle

    /// The colour at row `y` and column `x`, which must lie inside.
    [[nodiscard]] rgb at(std::size_t y, std::size_t x) const noexcept {
        auto const* p = m_bytes.data() + (y * m_width + x) * 3;
        return {p[0], p[1], p[2]};
    }

    /// Sets the colour at row `y` and column `x`, which must lie inside.
    void set(std::size_t y, std::size_t x, rgb colour) noexcept {
        std::copy(colour.begin(), colour.end(), m_bytes.data() + (y * m_width + x) * 3);
    }

    /// True where size and bytes are equal.
    friend bool operator==(picture const&, picture const&) = default;

private:
    static std::size_t byte_count(std::size_t height, std::size_t width) {
        if (width != 0 && height > std::numeric_limits<std::size_t>::max() / 3 / width) {
            throw error{error_kind::shape, "hookcam::picture: its size must be countable in bytes; " +
                                               std::to_string(height) + "×" + std::to_string(width) +
                                               " pixels are not"};
        }
        return height * width * 3;
    }

    std::size_t m_height = 0;
    std::size_t m_width = 0;
    std::vector<std::uint8_t> m_bytes;
};

} // namespace hookcam
