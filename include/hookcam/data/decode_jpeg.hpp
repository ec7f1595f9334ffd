#pragma once

#include <array>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio> // jpeglib.h needs it in front
#include <span>
#include <string>
#include <vector>

#include <jerror.h>
#include <jpeglib.h>

#include "../core/error.hpp"
#include "limits.hpp"
#include "picture.hpp"

namespace hookcam {

namespace detail {

/// libjpeg behind a wall. libjpeg reports an error by a function that must not return, so ours jumps; a jump
/// over a frame with destructors is undefined, so every call goes through `guarded`, whose callable holds
/// nothing that has one, and what lives longer lives outside.
class jpeg_reader {
public:
    jpeg_reader() {
        m_jpeg.err = jpeg_std_error(&m_errors);
        m_jpeg.client_data = this;
        m_errors.error_exit = [](j_common_ptr jpeg) { give_up(jpeg); };
        m_errors.emit_message = [](j_common_ptr jpeg, int level) {
            if (level < 0 && !harmless(jpeg->err->msg_code)) { // -1 is a warning, and 0 up are remarks
                give_up(jpeg);
            }
        };
        m_progress.progress_monitor = [](j_common_ptr jpeg) {
            // Each scan of a progressive file costs a pass over the whole picture, and a scan may be 10
            // bytes.
            auto& self = *static_cast<jpeg_reader*>(jpeg->client_data);
            if (self.m_jpeg.input_scan_number > max_scans) {
                self.m_reason = "it has more than 500 scans";
                give_up(jpeg);
            }
        };
    }
    jpeg_reader(jpeg_reader const&) = delete;
    jpeg_reader& operator=(jpeg_reader const&) = delete;
    ~jpeg_reader() { jpeg_destroy_decompress(&m_jpeg); }

    /// Creates the decoder and reads the header.
    bool open(std::span<std::uint8_t const> bytes) {
        return guarded([&] {
            jpeg_create_decompress(&m_jpeg);
            m_jpeg.progress = &m_progress;
            jpeg_mem_src(&m_jpeg, bytes.data(), static_cast<unsigned long>(bytes.size()));
            jpeg_read_header(&m_jpeg, TRUE);
        });
    }

    /// Starts decoding: to RGB, or to four channels where the file holds CMYK or YCCK.
    bool start() {
        return guarded([&] {
            bool const four = m_jpeg.jpeg_color_space == JCS_CMYK || m_jpeg.jpeg_color_space == JCS_YCCK;
            m_jpeg.out_color_space = four ? JCS_CMYK : JCS_RGB;
            jpeg_start_decompress(&m_jpeg);
        });
    }

    /// Decodes all rows into height × width × channels bytes.
    bool read(std::uint8_t* pixels) {
        return guarded([&] {
            while (m_jpeg.output_scanline < m_jpeg.output_height) {
                JSAMPROW row = pixels + m_jpeg.output_scanline * width() * channels();
                jpeg_read_scanlines(&m_jpeg, &row, 1);
            }
            jpeg_finish_decompress(&m_jpeg);
        });
    }

    [[nodiscard]] std::size_t height() const noexcept { return m_jpeg.image_height; }
    [[nodiscard]] std::size_t width() const noexcept { return m_jpeg.image_width; }
    [[nodiscard]] std::size_t channels() const noexcept {
        return static_cast<std::size_t>(m_jpeg.output_components);
    }

    /// What went wrong, mostly in libjpeg's words.
    [[nodiscard]] std::string message() {
        if (m_reason != nullptr) {
            return m_reason;
        }
        std::array<char, JMSG_LENGTH_MAX> text{};
        m_errors.format_message(reinterpret_cast<j_common_ptr>(&m_jpeg), text.data());
        return text.data();
    }

private:
    static constexpr int max_scans = 500; // writers make about ten

    template <class Call>
    bool guarded(Call const& call) {
        if (setjmp(m_jump) != 0) {
            return false;
        }
        call();
        return true;
    }

    /// Bytes between segments, odd version numbers, sloppy scan headers: cameras leave them, and all pixels
    /// are there. Any other warning means that libjpeg would make pixels up.
    static bool harmless(int warning) {
        return warning == JWRN_EXTRANEOUS_DATA || warning == JWRN_JFIF_MAJOR || warning == JWRN_ADOBE_XFORM ||
               warning == JWRN_NOT_SEQUENTIAL;
    }

    [[noreturn]] static void give_up(j_common_ptr jpeg) {
        std::longjmp(static_cast<jpeg_reader*>(jpeg->client_data)->m_jump, 1);
    }

    jpeg_decompress_struct m_jpeg{};
    jpeg_error_mgr m_errors{};
    jpeg_progress_mgr m_progress{};
    std::jmp_buf m_jump{};
    char const* m_reason = nullptr;
};

} // namespace detail

/// The picture in the bytes of a JPEG file, by libjpeg's exact integer transform and smooth chroma, as Pillow
/// and torchvision read it. Gray is repeated; CMYK is taken as Adobe writes it (inverted), R = C·K / 255 and
/// so on. A rotation noted in EXIF is not applied. `name` stands for the bytes in the text of an error
/// (`error_kind::file`): broken or missing bytes, more than `max_picture_pixels`, more
/// than `max_pixels_per_byte`, more than 500 scans.
inline picture decode_jpeg(std::span<std::uint8_t const> bytes, std::string const& name = "the bytes") {
    auto const fail = [&](std::string const& what) {
        throw error{error_kind::file,
                    "hookcam::decode_jpeg: " + name + " must hold a whole JPEG picture; " + what};
    };

    detail::jpeg_reader jpeg;
    if (!jpeg.open(bytes)) {
        fail(jpeg.message());
    }
    std::size_t const height = jpeg.height();
    std::size_t const width = jpeg.width();
    if (auto const wrong = detail::wrong_size(height, width, bytes.size()); !wrong.empty()) {
        fail(wrong);
    }
    if (!jpeg.start()) {
        fail(jpeg.message());
    }
    std::vector<std::uint8_t> pixels(height * width * jpeg.channels());
    if (!jpeg.read(pixels.data())) {
        fail(jpeg.message());
    }
    if (jpeg.channels() == 4) {
        for (std::size_t i = 0; i < height * width; ++i) {
            unsigned const black = pixels[i * 4 + 3];
            for (std::size_t c = 0; c < 3; ++c) { // in place: what is written lies at or before what is read
                pixels[i * 3 + c] = static_cast<std::uint8_t>((pixels[i * 4 + c] * black + 127) / 255);
            }
        }
        pixels.resize(height * width * 3);
    }
    return {height, width, std::move(pixels)};
}

} // namespace hookcam
