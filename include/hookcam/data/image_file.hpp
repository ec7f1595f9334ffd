#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "../core/error.hpp"
#include "../core/files.hpp"
#include "decode_jpeg.hpp"
#include "decode_png.hpp"
#include "picture.hpp"

// Why libpng and libjpeg-turbo, and not one header like stb_image: they are what Pillow and torchvision
// decode with, so a network sees the numbers it was trained on; they check what stb skips (CRCs) and take
// what it refuses (CMYK); and they are fuzzed and patched by the distribution.

namespace hookcam {

/// The picture in the bytes of a PNG or JPEG file, told apart by their first bytes, not by a name.
/// `name` stands for the bytes in the text of an error (`error_kind::file`).
inline picture decode_picture(std::span<std::uint8_t const> bytes, std::string const& name = "the bytes") {
    constexpr std::array<std::uint8_t, 8> png{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    constexpr std::array<std::uint8_t, 3> jpeg{0xff, 0xd8, 0xff};
    auto const starts_with = [&](std::span<std::uint8_t const> magic) {
        return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
    };
    if (starts_with(png)) {
        return decode_png(bytes, name);
    }
    if (starts_with(jpeg)) {
        return decode_jpeg(bytes, name);
    }
    throw error{error_kind::file,
                "hookcam::decode_picture: " + name + " must hold a PNG or JPEG picture; " +
                    (bytes.empty() ? "there are no bytes" : "its first bytes are of neither")};
}

/// The picture in a PNG or JPEG file, as 8-bit RGB: see `decode_png` and `decode_jpeg` for what becomes of
/// gray, palettes, transparency, 16 bits and CMYK. Every failure is an `error` of `error_kind::file` that
/// names the file; a file larger than `max_picture_file_bytes` is one.
inline picture load_picture(std::filesystem::path const& path) {
    return decode_picture(read_file_bytes(path, "load_picture", max_picture_file_bytes),
                          '"' + path.string() + '"');
}

} // namespace hookcam
