#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include <cairo.h>
#include <pango/pangocairo.h>

#include "../core/error.hpp"
#include "../data/picture.hpp"

// Why Cairo: it draws as printed pages do (hinted, anti-aliased), into memory and without a display, and
// every Linux distribution carries it. Why Pango: Cairo itself takes one font, and shows boxes for what that
// has not; Pango finds a font for each character, and joins and orders them as their script asks.
// Its headers bring GLib's, and with them macros that have no prefix: TRUE, FALSE, MIN, MAX, ABS, CLAMP.

namespace hookcam::detail {

/// A sheet of white paper, and a pen on it. Lengths are pixels; y grows downwards. Texts are UTF-8, one line.
class canvas {
public:
    canvas(std::size_t height, std::size_t width)
        : m_surface{cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(width),
                                               static_cast<int>(height))},
          m_pen{cairo_create(m_surface.get())},
          m_text{pango_cairo_create_layout(m_pen.get())},
          m_font{pango_font_description_from_string("DejaVu Sans")} {
        check();
        std::unique_ptr<cairo_font_options_t, destroy> const options{cairo_font_options_create()};
        cairo_font_options_set_antialias(options.get(), CAIRO_ANTIALIAS_GRAY); // no coloured fringes
        cairo_font_options_set_hint_style(options.get(), CAIRO_HINT_STYLE_SLIGHT);
        pango_cairo_context_set_font_options(pango_layout_get_context(m_text.get()), options.get());
        pango_layout_set_single_paragraph_mode(m_text.get(), 1);
        cairo_set_line_width(m_pen.get(), 1);
        ink(1);
        cairo_paint(m_pen.get());
    }

    /// The gray that the pen draws in: 0 is black, 1 white.
    void ink(double level) { cairo_set_source_rgb(m_pen.get(), level, level, level); }

    /// The colour that the pen draws in, and how much of it is seen: 0 nothing, 1 nothing of what lies below.
    void ink(rgb colour, double alpha) {
        cairo_set_source_rgba(m_pen.get(), colour[0] / 255.0, colour[1] / 255.0, colour[2] / 255.0, alpha);
    }

    void pen_width(double width) { cairo_set_line_width(m_pen.get(), width); }

    void font_size(double size) {
        pango_font_description_set_absolute_size(m_font.get(), size * PANGO_SCALE);
        pango_layout_set_font_description(m_text.get(), m_font.get());
    }

    [[nodiscard]] double text_width(std::string const& text) const {
        set_text(text, -1);
        return text_width();
    }

    /// Writes with the baseline's left end at (x, y).
    void write(double x, double y, std::string const& text) {
        set_text(text, -1);
        show_text(x, y);
    }

    /// Writes with the baseline's middle at (x, y). What is longer than `width` is cut between two
    /// characters, and "…" put there.
    void write_centred(double x, double y, std::string const& text, double width) {
        set_text(text, static_cast<int>(width * PANGO_SCALE));
        show_text(x - text_width() / 2, y);
    }

    void line(double x0, double y0, double x1, double y1) {
        cairo_move_to(m_pen.get(), x0, y0);
        cairo_line_to(m_pen.get(), x1, y1);
        cairo_stroke(m_pen.get());
    }

    /// A line from point to point, with round corners. One point is a dot as wide as the pen.
    template <class Points>
    void line_through(Points const& points) {
        cairo_set_line_join(m_pen.get(), CAIRO_LINE_JOIN_ROUND);
        cairo_set_line_cap(m_pen.get(), CAIRO_LINE_CAP_ROUND);
        for (auto const& [x, y] : points) {
            cairo_line_to(m_pen.get(), x, y);
        }
        if (points.size() == 1) {
            cairo_close_path(m_pen.get());
        }
        cairo_stroke(m_pen.get());
        cairo_set_line_cap(m_pen.get(), CAIRO_LINE_CAP_BUTT);
    }

    void fill_rectangle(double x, double y, double width, double height) {
        cairo_rectangle(m_pen.get(), x, y, width, height);
        cairo_fill(m_pen.get());
    }

    /// What `draw` draws is seen inside the rectangle only.
    template <class Draw>
    void inside(double x, double y, double width, double height, Draw const& draw) {
        cairo_save(m_pen.get());
        cairo_rectangle(m_pen.get(), x, y, width, height);
        cairo_clip(m_pen.get());
        draw();
        cairo_restore(m_pen.get());
    }

    /// Puts the picture's pixels at (x, y) as they are, and a thin frame around them.
    void put(std::size_t x, std::size_t y, picture const& image) {
        cairo_surface_flush(m_surface.get());
        // Rounding may push a sliver over the edge of tiny paper: what is not on it is not drawn.
        auto const rows = std::min(image.height(), height() - std::min(y, height()));
        auto const columns = std::min(image.width(), width() - std::min(x, width()));
        for (std::size_t row = 0; row < rows; ++row) {
            for (std::size_t column = 0; column < columns; ++column) {
                auto const [r, g, b] = image.at(row, column);
                auto const pixel = (std::uint32_t{r} << 16) | (std::uint32_t{g} << 8) | b;
                std::memcpy(pixel_at(y + row, x + column), &pixel, sizeof pixel);
            }
        }
        cairo_surface_mark_dirty(m_surface.get());
        cairo_rectangle(m_pen.get(), static_cast<double>(x) - 0.5, static_cast<double>(y) - 0.5,
                        static_cast<double>(image.width()) + 1, static_cast<double>(image.height()) + 1);
        cairo_stroke(m_pen.get());
    }

    /// What is on the paper.
    [[nodiscard]] picture look() const {
        check();
        cairo_surface_flush(m_surface.get());
        picture result{height(), width()};
        for (std::size_t y = 0; y < result.height(); ++y) {
            for (std::size_t x = 0; x < result.width(); ++x) {
                std::uint32_t pixel = 0; // RGB24 is a number 0xRRGGBB in the machine's byte order
                std::memcpy(&pixel, pixel_at(y, x), sizeof pixel);
                result.set(y, x,
                           {static_cast<std::uint8_t>(pixel >> 16 & 0xff),
                            static_cast<std::uint8_t>(pixel >> 8 & 0xff),
                            static_cast<std::uint8_t>(pixel & 0xff)});
            }
        }
        return result;
    }

private:
    struct destroy {
        void operator()(cairo_surface_t* surface) const noexcept { cairo_surface_destroy(surface); }
        void operator()(cairo_t* pen) const noexcept { cairo_destroy(pen); }
        void operator()(cairo_font_options_t* options) const noexcept { cairo_font_options_destroy(options); }
        void operator()(PangoLayout* layout) const noexcept { g_object_unref(layout); }
        void operator()(PangoFontDescription* font) const noexcept { pango_font_description_free(font); }
    };

    /// Throws what Cairo has noted: it stops drawing at the first trouble and remembers it.
    void check() const {
        auto const status = cairo_status(m_pen.get());
        if (status != CAIRO_STATUS_SUCCESS) {
            throw error{error_kind::device, std::string{"hookcam::figure: Cairo must be able to draw; "} +
                                                cairo_status_to_string(status)};
        }
    }

    /// The text to be measured or shown, at most so wide (in Pango's units; -1: as wide as it is).
    void set_text(std::string const& text, int width) const {
        auto const size = static_cast<int>(text.size());
        if (g_utf8_validate(text.data(), size, nullptr) == 0) {
            throw error{error_kind::use, "hookcam::figure: titles must be UTF-8; one is not"};
        }
        pango_layout_set_text(m_text.get(), text.data(), size);
        pango_layout_set_width(m_text.get(), width);
        pango_layout_set_ellipsize(m_text.get(), width < 0 ? PANGO_ELLIPSIZE_NONE : PANGO_ELLIPSIZE_END);
    }

    [[nodiscard]] double text_width() const {
        PangoRectangle extent{};
        pango_layout_line_get_extents(pango_layout_get_line_readonly(m_text.get(), 0), nullptr, &extent);
        return static_cast<double>(extent.width) / PANGO_SCALE;
    }

    void show_text(double x, double y) {
        cairo_move_to(m_pen.get(), x, y);
        pango_cairo_show_layout_line(m_pen.get(), pango_layout_get_line_readonly(m_text.get(), 0));
    }

    [[nodiscard]] std::size_t height() const {
        return static_cast<std::size_t>(cairo_image_surface_get_height(m_surface.get()));
    }
    [[nodiscard]] std::size_t width() const {
        return static_cast<std::size_t>(cairo_image_surface_get_width(m_surface.get()));
    }

    [[nodiscard]] unsigned char* pixel_at(std::size_t y, std::size_t x) const {
        auto const stride = static_cast<std::size_t>(cairo_image_surface_get_stride(m_surface.get()));
        return cairo_image_surface_get_data(m_surface.get()) + y * stride + x * sizeof(std::uint32_t);
    }

    std::unique_ptr<cairo_surface_t, destroy> m_surface;
    std::unique_ptr<cairo_t, destroy> m_pen;
    std::unique_ptr<PangoLayout, destroy> m_text;
    std::unique_ptr<PangoFontDescription, destroy> m_font;
};

} // namespace hookcam::detail
