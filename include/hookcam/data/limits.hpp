#pragma once

#include <cstddef>
#include <string>

namespace hookcam {

/// The most pixels a picture file may declare (8192 × 8192, 192 MiB as RGB): a header of a few bytes must not
/// order gigabytes.
inline constexpr std::size_t max_picture_pixels = std::size_t{1} << 26;

/// The most bytes a picture file may have.
inline constexpr std::size_t max_picture_file_bytes = std::size_t{1} << 28;

namespace detail {

constexpr bool decodable(std::size_t height, std::size_t width) noexcept {
    return height != 0 && width != 0 && height <= max_picture_pixels / width;
}

inline std::string too_large(std::size_t height, std::size_t width) {
    return "its header declares " + std::to_string(height) + "×" + std::to_string(width) +
           " pixels, and 1 to " + std::to_string(max_picture_pixels) + " are read";
}

} // namespace detail

} // namespace hookcam
