#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../core/error.hpp"
#include "../data/picture.hpp"
#include "canvas.hpp"
#include "panel.hpp"
#include "png.hpp"
#include "show_at.hpp"
#include "ticks.hpp"

namespace hookcam {

/// How a figure is laid out: how many panels a row has (0: all of them), and how many pixels an inch.
struct figure_layout {
    std::size_t columns = 0; ///< panels in a row; 0 for all
    double dpi = 100;        ///< pixels an inch
};

/// Titled panels side by side on white paper, all of one height, with colour bars where they show numbers:
///
///     figure f{12, 4};
///     f.add({photo, "Original: frog"});
///     f.add(heat_panel(heat, 32, 32, "Grad-CAM: frog"));
///     f.save_png("figure.png");
///
/// A small picture is enlarged with square pixels, a large one shrunk smoothly. Where a title is too long for
/// its panel, all titles are set smaller, down to two thirds, and what is still too long is cut with "…".
class figure {
public:
    /// The most pixels that a side of the paper may have.
    static constexpr std::size_t max_side = 16384;

    /// Paper of this size in inches. Throws `error_kind::use` unless that is 1 to `max_side` pixels each way.
    figure(double width, double height, figure_layout layout = {})
        : m_height{pixels(height, layout.dpi)},
          m_width{pixels(width, layout.dpi)},
          m_layout{layout} {}

    /// Adds a panel at the end. Throws `error_kind::shape` for one without pixels, and `error_kind::use`
    /// where its bar does not go from a finite number up to one.
    figure& add(panel next) {
        if (next.image.empty()) {
            throw error{error_kind::shape,
                        "hookcam::figure: a panel must have pixels; \"" + next.title + "\" has none"};
        }
        if (next.bar) {
            detail::require_scale(*next.bar, "figure");
        }
        m_panels.push_back(std::move(next));
        return *this;
    }

    /// Adds several panels, in their order. Throws what `add` throws; those in front of the wrong one are
    /// added.
    figure& add_all(std::vector<panel> next) {
        for (auto& one : next) {
            add(std::move(one));
        }
        return *this;
    }

    /// Leaves the next place empty: as wide as the panel above it, or square in the first row.
    figure& add_space() {
        m_panels.emplace_back();
        return *this;
    }

    /// Gives the figure a colour bar of its own, to the right of all panels and as high as all rows: for
    /// panels that share their colours. The last one counts. Throws `error_kind::use` where it does not go
    /// from a finite number up to one.
    figure& set_bar(colour_scale bar) {
        detail::require_scale(bar, "figure");
        m_bar = bar;
        return *this;
    }

    /// The drawn figure; one of spaces alone is white paper. Throws `error_kind::use` where nothing was
    /// added, where the paper is too small for the panels, and for a title that is not UTF-8;
    /// `error_kind::device` where Cairo cannot draw, such as for want of memory.
    [[nodiscard]] picture draw() const {
        detail::canvas paper{m_height, m_width};
        auto const places = arrange(paper);
        double const size = fit_titles(paper, places);
        for (std::size_t i = 0; i < m_panels.size(); ++i) {
            if (!m_panels[i].image.empty()) {
                draw_panel(paper, m_panels[i], size, places[i]);
            }
        }
        if (m_bar) {
            draw_bar(paper, *m_bar, around(paper, places));
        }
        return paper.look();
    }

    /// Writes `draw()` as a PNG file, whole or not at all.
    void save_png(std::filesystem::path const& path) const { hookcam::save_png(path, draw()); }

private:
    /// Where a panel's picture lies, in pixels.
    struct place {
        std::size_t x;
        std::size_t y;
        std::size_t width;
        std::size_t height;
    };

    static std::size_t pixels(double inches, double dpi) {
        double const count = std::round(inches * dpi);
        if (!(count >= 1 && count <= static_cast<double>(max_side))) {
            throw error{error_kind::use, "hookcam::figure: each side must have 1 to " +
                                             std::to_string(max_side) + " pixels; " + std::to_string(inches) +
                                             " inches of " + std::to_string(dpi) + " have not"};
        }
        return static_cast<std::size_t>(count);
    }

    // All measures in points, 1/72 inch, and what follows from them in pixels.
    [[nodiscard]] double points(double count) const { return count * m_layout.dpi / 72; }
    [[nodiscard]] double margin() const { return points(10); }
    [[nodiscard]] double gap() const { return points(16); } // between panels
    [[nodiscard]] double title_size() const { return points(12); }
    [[nodiscard]] double title_room() const {
        bool const any =
            std::any_of(m_panels.begin(), m_panels.end(), [](auto& p) { return !p.title.empty(); });
        return any ? title_size() + points(8) : 0;
    }
    [[nodiscard]] double tick_size() const { return points(9); }
    [[nodiscard]] double tick_length() const { return points(2.5); }
    [[nodiscard]] double bar_gap() const { return points(6); }
    [[nodiscard]] std::size_t bar_width() const {
        return std::max<std::size_t>(1, static_cast<std::size_t>(points(9)));
    }

    /// What a colour bar takes to the right of what it explains.
    [[nodiscard]] double bar_room(detail::canvas& paper, std::optional<colour_scale> const& bar) const {
        if (!bar) {
            return 0;
        }
        double labels = 0;
        paper.font_size(tick_size());
        for (auto const& tick : detail::round_ticks(bar->low, bar->high)) {
            labels = std::max(labels, paper.text_width(tick.label));
        }
        return bar_gap() + static_cast<double>(bar_width()) + 2 * tick_length() + labels;
    }

    /// Rows of pictures of one height, the largest that fits, each row in the middle of the paper.
    [[nodiscard]] std::vector<place> arrange(detail::canvas& paper) const {
        if (m_panels.empty()) {
            throw error{error_kind::use, "hookcam::figure: there must be a panel to draw; add one"};
        }
        std::size_t const columns =
            m_layout.columns == 0 ? m_panels.size() : std::min(m_layout.columns, m_panels.size());
        auto const aspect = [&](std::size_t i) {
            while (m_panels[i].image.empty()) { // a space
                if (i < columns) {
                    return 1.0;
                }
                i -= columns;
            }
            auto const& image = m_panels[i].image;
            return static_cast<double>(image.width()) / static_cast<double>(image.height());
        };
        std::size_t const rows = (m_panels.size() + columns - 1) / columns;
        auto const paper_width = static_cast<double>(m_width) - bar_room(paper, m_bar);
        auto const paper_height = static_cast<double>(m_height);

        struct row_measure {
            double fixed = 0;   // gaps and bars
            double aspects = 0; // width of the pictures for each unit of their height
        };
        std::vector<row_measure> measures(rows);
        std::vector<double> bars;
        for (std::size_t i = 0; i < m_panels.size(); ++i) {
            auto& row = measures[i / columns];
            bars.push_back(bar_room(paper, m_panels[i].bar));
            row.fixed += bars.back() + (i % columns == 0 ? 0 : gap());
            row.aspects += aspect(i);
        }
        auto const row_count = static_cast<double>(rows);
        double const row_extra = title_room() * row_count + gap() / 2 * (row_count - 1);
        double size = (paper_height - 2 * margin() - row_extra) / row_count;
        for (auto const& row : measures) {
            size = std::min(size, (paper_width - 2 * margin() - row.fixed) / row.aspects);
        }
        size = std::floor(size);
        if (!(size >= 1)) {
            throw error{error_kind::use, "hookcam::figure: the paper must have room for its " +
                                             std::to_string(m_panels.size()) + " panels; " +
                                             std::to_string(m_width) + "×" + std::to_string(m_height) +
                                             " pixels have not, make it larger"};
        }

        std::vector<place> places;
        double y = (paper_height - row_extra - size * row_count) / 2;
        double x = 0;
        for (std::size_t i = 0; i < m_panels.size(); ++i) {
            if (i % columns == 0) {
                auto const& row = measures[i / columns];
                x = (paper_width - row.fixed - size * row.aspects) / 2;
                y += i == 0 ? title_room() : size + gap() / 2 + title_room();
            }
            double const width = size * aspect(i);
            places.push_back({static_cast<std::size_t>(x), static_cast<std::size_t>(y),
                              std::max<std::size_t>(1, static_cast<std::size_t>(width)),
                              static_cast<std::size_t>(size)});
            x += width + bars[i] + gap();
        }
        return places;
    }

    /// The rectangle around all panels, with their own bars.
    [[nodiscard]] place around(detail::canvas& paper, std::vector<place> const& places) const {
        std::size_t right = 0;
        for (std::size_t i = 0; i < places.size(); ++i) {
            auto const bar = static_cast<std::size_t>(bar_room(paper, m_panels[i].bar));
            right = std::max(right, places[i].x + places[i].width + bar);
        }
        auto const& [x, y, width, height] = places.front();
        return {x, y, right - x, places.back().y + places.back().height - y};
    }

    void draw_panel(detail::canvas& paper, panel const& shown, double size, place const& at) const {
        paper.ink(0.35);
        paper.put(at.x, at.y, detail::show_at(shown.image, at.height, at.width));
        draw_title(paper, shown.title, size, at);
        if (shown.bar) {
            draw_bar(paper, *shown.bar, at);
        }
    }

    /// How much wider than its picture a title may be: it reaches into the gaps, and never meets its
    /// neighbour.
    [[nodiscard]] double title_width(place const& at) const {
        return static_cast<double>(at.width) + gap() * 0.8;
    }

    /// The size at which all titles fit, if that is not much smaller: one size looks calm.
    [[nodiscard]] double fit_titles(detail::canvas& paper, std::vector<place> const& places) const {
        double shrink = 1;
        paper.font_size(title_size());
        for (std::size_t i = 0; i < places.size(); ++i) {
            auto const width = std::max(paper.text_width(m_panels[i].title), 1.0);
            shrink = std::min(shrink, title_width(places[i]) / width);
        }
        return title_size() * std::max(shrink, 0.65);
    }

    void draw_title(detail::canvas& paper, std::string const& title, double size, place const& at) const {
        paper.font_size(size);
        paper.ink(0.1);
        double const middle = static_cast<double>(at.x) + static_cast<double>(at.width) / 2;
        // Hinted letters may round up a little: what all but fits is not cut.
        paper.write_centred(middle, static_cast<double>(at.y) - points(6), title, title_width(at) * 1.01);
    }

    void draw_bar(detail::canvas& paper, colour_scale const& scale, place const& at) const {
        picture bar{at.height, bar_width()};
        for (std::size_t y = 0; y < bar.height(); ++y) {
            double const x = 1 - (static_cast<double>(y) + 0.5) / static_cast<double>(bar.height());
            for (std::size_t column = 0; column < bar.width(); ++column) {
                bar.set(y, column, scale.colours(x));
            }
        }
        auto const left = at.x + at.width + static_cast<std::size_t>(bar_gap());
        paper.ink(0.35);
        paper.put(left, at.y, bar);

        paper.font_size(tick_size());
        double const edge = static_cast<double>(left + bar.width()) + 1;
        double const extent = scale.high - scale.low;
        for (auto const& tick : detail::round_ticks(scale.low, scale.high)) {
            double const part = extent > 0 ? (tick.value - scale.low) / extent : 0.5;
            // On a pixel's middle, so that the line is sharp.
            double const y = static_cast<double>(at.y) +
                             std::round((1 - part) * static_cast<double>(at.height)) -
                             (part > 0.5 ? -0.5 : 0.5);
            paper.ink(0.35);
            paper.line(edge, y, edge + tick_length(), y);
            paper.ink(0.1);
            paper.write(edge + 2 * tick_length() - 1, y + tick_size() * 0.36,
                        tick.label); // half a digit's height
        }
    }

    std::size_t m_height;
    std::size_t m_width;
    figure_layout m_layout;
    std::vector<panel> m_panels; ///< one without pixels is a space
    std::optional<colour_scale> m_bar;
};

} // namespace hookcam
