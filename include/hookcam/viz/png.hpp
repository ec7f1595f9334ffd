#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <png.h>

#include "../core/error.hpp"
#include "../core/files.hpp"
#include "../data/limits.hpp"
#include "../data/picture.hpp"

namespace hookcam {

/// The picture as the bytes of a PNG file: 8-bit RGB, marked as sRGB, lossless. Throws `error_kind::shape`
/// for a picture without pixels, or with more than `max_picture_pixels`, which `load_picture` would not read
/// back.
[[nodiscard]] inline std::vector<std::uint8_t> encode_png(picture const& source) {
    if (!detail::decodable(source.height(), source.width())) {
        throw error{error_kind::shape, "hookcam::encode_png: a picture must have 1 to " +
                                           std::to_string(max_picture_pixels) + " pixels; this has " +
                                           std::to_string(source.height()) + "×" +
                                           std::to_string(source.width())};
    }
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.height = static_cast<png_uint_32>(source.height());
    image.width = static_cast<png_uint_32>(source.width());
    image.format = PNG_FORMAT_RGB;
    std::vector<std::uint8_t> bytes(PNG_IMAGE_PNG_SIZE_MAX(image)); // libpng's own bound
    png_alloc_size_t size = bytes.size();
    auto const* const pixels = source.bytes().data();
    if (png_image_write_to_memory(&image, bytes.data(), &size, 0, pixels, 0, nullptr) == 0) {
        throw error{error_kind::shape,
                    std::string{"hookcam::encode_png: libpng must take the picture; "} + image.message};
    }
    bytes.resize(size);
    return bytes;
}

/// Writes a PNG file, whole or not at all: where that fails (`error_kind::file`) an older file is still
/// there.
inline void save_png(std::filesystem::path const& path, picture const& source) {
    replace_file(path, encode_png(source), "save_png");
}

} // namespace hookcam
