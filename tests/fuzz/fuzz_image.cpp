// decode_picture: PNG and JPEG; and each decoder with bytes that are of neither.

#include "fuzz.hpp"

#include <hookcam/data/image_file.hpp>

#include <span>

namespace {

/// Bytes that decoding may hold: 16 a pixel that such a file may declare (a progressive CMYK takes 12), and what
/// small pictures and long remarks take.
std::size_t most_memory(std::size_t file_bytes) {
    auto const pixels =
        std::min(hookcam::max_picture_pixels, (file_bytes + 1) * hookcam::max_pixels_per_byte);
    return 16 * pixels + (std::size_t{32} << 20);
}

template <class Decode>
bool decodes(std::size_t file_bytes, Decode&& decode) {
    fuzz::allocation_meter const memory;
    hookcam::picture picture;
    bool const whole = fuzz::accepts([&] { picture = decode(); });
    auto const pixels = picture.height() * picture.width();
    fuzz::require(!whole || (pixels > 0 && pixels <= hookcam::max_picture_pixels),
                  "a picture has pixels, and not too many");
    fuzz::require(picture.bytes().size() == 3 * pixels, "a pixel has three bytes");
    fuzz::require(memory.most() <= most_memory(file_bytes), "decoding takes memory within the limit");
    return whole;
}

} // namespace

int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::span const bytes{data, size};
    if (!decodes(size, [&] { return hookcam::decode_picture(bytes); })) {
        decodes(size, [&] { return hookcam::decode_png(bytes); });
        decodes(size, [&] { return hookcam::decode_jpeg(bytes); });
    }
    return 0;
}
