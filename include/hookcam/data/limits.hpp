#pragma once

#include <cstddef>
#include <string>

namespace hookcam {

/// The most pixels a picture file may declare (8192 × 8192, 192 MiB as RGB): a header of a few bytes must not
/// order gigabytes.
inline constexpr std::size_t max_picture_pixels = std::size_t{1} << 26;

/// The most bytes a picture file may have.
inline constexpr std::size_t max_picture_file_bytes = std::size_t{1} << 28;

/// The most pixels that a picture file may declare for each of its bytes. A byte of PNG's compression makes at
/// most 1032, and each holds at most eight pixels; a byte of Huffman-coded JPEG makes at most 512 pixels. So no
/// whole picture is refused, but for one of next to nothing in JPEG's rare arithmetic coding.
inline constexpr std::size_t max_pixels_per_byte = std::size_t{8} * 1032;

namespace detail {

constexpr bool decodable(std::size_t height, std::size_t width) noexcept {
    return height != 0 && width != 0 && height <= max_picture_pixels / width;
}

/// Why a picture of that size is not read from a file of so many bytes; empty where it is.
inline std::string wrong_size(std::size_t height, std::size_t width, std::size_t file_bytes) {
    auto const declared = [&] {
        return "its header declares " + std::to_string(height) + "×" + std::to_string(width) +
               " pixels, and ";
    };
    if (!decodable(height, width)) {
        return declared() + "1 to " + std::to_string(max_picture_pixels) + " are read";
    }
    if (height * width / max_pixels_per_byte > file_bytes) {
        return declared() + std::to_string(file_bytes) + " bytes cannot hold so many";
    }
    return {};
}

} // namespace detail

} // namespace hookcam
