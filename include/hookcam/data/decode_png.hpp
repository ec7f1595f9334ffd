#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <png.h>

#include "../core/error.hpp"
#include "limits.hpp"
#include "picture.hpp"

// libpng's simplified interface (libpng 1.6, png.h, "SIMPLIFIED API") is what reads here: it keeps longjmp to
// itself, and turns every kind of PNG (gray, palette, 16 bit, interlaced) into the one format asked for.

namespace hookcam {

namespace detail {

/// Whether each chunk ends within the bytes, for libpng asks for a chunk's memory, up to 2 GB, before it looks
/// whether the chunk is there. The last chunk's checksum may be missing.
inline bool chunks_fit(std::span<std::uint8_t const> bytes) {
    constexpr std::size_t signature = 8; // of the file
    constexpr std::size_t head = 8;      // a chunk's length and name
    constexpr std::size_t checksum = 4;
    for (auto rest = bytes.subspan(std::min(signature, bytes.size())); rest.size() >= head;) {
        std::size_t const length = std::size_t{rest[0]} << 24 | std::size_t{rest[1]} << 16 |
                                   std::size_t{rest[2]} << 8 | std::size_t{rest[3]};
        if (length > rest.size() - head) {
            return false;
        }
        rest = rest.subspan(std::min(head + length + checksum, rest.size()));
    }
    return true;
}

} // namespace detail

/// The picture in the bytes of a PNG file. 16-bit samples are rounded to 8, gray is repeated, and transparent
/// pixels are laid on white, weighted in the file's own encoding as browsers do. Encodings (gAMA) other than
/// sRGB's are converted to it. `name` stands for the bytes in the text of an error (`error_kind::file`):
/// broken bytes, more than `max_picture_pixels`, more than `max_pixels_per_byte`.
inline picture decode_png(std::span<std::uint8_t const> bytes, std::string const& name = "the bytes") {
    auto const fail = [&](std::string const& what) {
        throw error{error_kind::file,
                    "hookcam::decode_png: " + name + " must hold a whole PNG picture; " + what};
    };

    struct reader { // frees what libpng keeps, whichever way out
        png_image image{};
        reader() { image.version = PNG_IMAGE_VERSION; }
        reader(reader const&) = delete;
        reader& operator=(reader const&) = delete;
        ~reader() { png_image_free(&image); }
    } png;
    if (png_sig_cmp(bytes.data(), 0, bytes.size()) == 0 && !detail::chunks_fit(bytes)) {
        fail("one of its chunks is longer than the rest of it");
    }
    if (png_image_begin_read_from_memory(&png.image, bytes.data(), bytes.size()) == 0) {
        fail(png.image.message);
    }
    std::size_t const height = png.image.height;
    std::size_t const width = png.image.width;
    if (auto const wrong = detail::wrong_size(height, width, bytes.size()); !wrong.empty()) {
        fail(wrong);
    }

    // Without this flag libpng takes 16-bit samples for linear light, which hardly any writer means.
    png.image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
    bool const has_alpha = (png.image.format & PNG_FORMAT_FLAG_ALPHA) != 0;
    png.image.format = has_alpha ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB;
    std::vector<std::uint8_t> pixels(height * width * (has_alpha ? 4 : 3));
    if (png_image_finish_read(&png.image, nullptr, pixels.data(), 0, nullptr) == 0) {
        fail(png.image.message);
    }
    if (has_alpha) {
        for (std::size_t i = 0; i < height * width; ++i) {
            unsigned const alpha = pixels[i * 4 + 3];
            for (std::size_t c = 0; c < 3; ++c) { // in place: what is written lies at or before what is read
                unsigned const on_white = pixels[i * 4 + c] * alpha + 255 * (255 - alpha);
                pixels[i * 3 + c] = static_cast<std::uint8_t>((on_white + 127) / 255);
            }
        }
        pixels.resize(height * width * 3);
    }
    return {height, width, std::move(pixels)};
}

} // namespace hookcam
