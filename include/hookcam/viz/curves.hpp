#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../core/error.hpp"
#include "../data/limits.hpp"
#include "../data/picture.hpp"
#include "canvas.hpp"
#include "ticks.hpp"

namespace hookcam {

/// Numbers over steps, to be drawn as a line. Where a number is not finite, the line is broken.
struct curve {
    std::string name{};      ///< in the legend; not there where it is empty
    std::vector<double> x{}; ///< the steps, in ascending order; empty for 0, 1, 2 …
    std::vector<double> y{}; ///< the numbers, one a step
    std::size_t smooth =
        1; ///< of so many neighbours the mean is drawn, and the numbers themselves faintly behind it
};

/// Curves that share their axes.
struct chart {
    std::string title{};          ///< above; none where it is empty
    std::string x_title{};        ///< below; none where it is empty
    std::vector<curve> curves{};  ///< at least one
    std::optional<double> low{};  ///< where the vertical axis begins; else a little below the smallest number
    std::optional<double> high{}; ///< where it ends; else a little above the largest number
};

/// How charts are laid out on paper.
struct chart_layout {
    double width = 10;       ///< of the paper, in inches
    double height = 4;       ///< of the paper, in inches
    std::size_t columns = 0; ///< charts in a row; 0 for all
    double dpi = 100;        ///< pixels an inch
};

namespace detail {

/// A point on paper, in pixels.
struct paper_point {
    double x;
    double y;
};

/// Each number's mean with its neighbours, half of them in front.
inline std::vector<double> smoothed(curve const& line) {
    std::vector<double> sums{0};
    std::vector<std::size_t> counts{0};
    for (double const value : line.y) {
        bool const counts_in = std::isfinite(value);
        sums.push_back(sums.back() + (counts_in ? value : 0));
        counts.push_back(counts.back() + (counts_in ? 1 : 0));
    }
    std::vector<double> means;
    for (std::size_t i = 0; i < line.y.size(); ++i) {
        std::size_t const first = i - std::min(i, line.smooth / 2);
        std::size_t const last = std::min(line.y.size(), i + (std::min(line.smooth, line.y.size()) + 1) / 2);
        auto const count = static_cast<double>(counts[last] - counts[first]);
        means.push_back(count > 0 ? (sums[last] - sums[first]) / count
                                  : std::numeric_limits<double>::quiet_NaN());
    }
    return means;
}

/// Draws charts.
class chart_painter {
public:
    chart_painter(std::string const& title, std::vector<chart> const& charts, chart_layout const& layout)
        : m_title{title},
          m_charts{charts},
          m_layout{layout},
          m_height{pixels(layout.height)},
          m_width{pixels(layout.width)} {
        for (auto const& each : charts) {
            check(each);
        }
        require(!charts.empty(), "there must be a chart to draw; give one");
    }

    [[nodiscard]] picture draw() const {
        canvas paper{m_height, m_width};
        double top = points(6);
        if (!m_title.empty()) {
            paper.font_size(points(13));
            paper.ink(0.1);
            auto const middle = static_cast<double>(m_width) / 2;
            paper.write_centred(middle, top + points(15), m_title, static_cast<double>(m_width) - points(12));
            top += points(22);
        }
        std::size_t const columns =
            m_layout.columns == 0 ? m_charts.size() : std::min(m_layout.columns, m_charts.size());
        std::size_t const rows = (m_charts.size() + columns - 1) / columns;
        double const width = static_cast<double>(m_width) / static_cast<double>(columns);
        double const height = (static_cast<double>(m_height) - top) / static_cast<double>(rows);
        for (std::size_t i = 0; i < m_charts.size(); ++i) {
            draw_chart(paper, m_charts[i],
                       {static_cast<double>(i % columns) * width,
                        top + static_cast<double>(i / columns) * height, width, height});
        }
        return paper.look();
    }

private:
    struct rectangle {
        double x;
        double y;
        double width;
        double height;
    };

    /// From numbers to paper.
    struct axes {
        rectangle place;
        double left;
        double right;
        double low;
        double high;

        [[nodiscard]] double x(double value) const {
            return place.x + (value - left) / (right - left) * place.width;
        }
        [[nodiscard]] double y(double value) const {
            return place.y + (high - value) / (high - low) * place.height;
        }
    };

    static void require(bool holds, std::string const& what) {
        if (!holds) {
            throw error{error_kind::use, "hookcam::curves: " + what};
        }
    }

    static void check(chart const& each) {
        for (auto const& line : each.curves) {
            require(line.x.empty() || line.x.size() == line.y.size(),
                    "a curve must have a number for each of its " + std::to_string(line.x.size()) +
                        " steps; \"" + line.name + "\" has " + std::to_string(line.y.size()));
            require(std::ranges::is_sorted(line.x) &&
                        std::ranges::all_of(line.x, [](double x) { return std::isfinite(x); }),
                    "steps must be finite and ascend; those of \"" + line.name + "\" do not");
            require(line.smooth > 0, "a mean must be of one number at least; `smooth` is 0");
        }
        require(std::isfinite(each.low.value_or(0)) && std::isfinite(each.high.value_or(1)) &&
                    !(each.low && each.high && *each.low >= *each.high),
                "an axis must go from a finite number up to one; that of \"" + each.title + "\" does not");
    }

    [[nodiscard]] std::size_t pixels(double inches) const {
        double const count = std::round(inches * m_layout.dpi);
        require(count >= 1 && count * count <= static_cast<double>(max_picture_pixels),
                "each side of the paper must have 1 to 8192 pixels; " + std::to_string(inches) +
                    " inches of " + std::to_string(m_layout.dpi) + " have not");
        return static_cast<std::size_t>(count);
    }

    [[nodiscard]] double points(double count) const { return count * m_layout.dpi / 72; }
    [[nodiscard]] double text_size() const { return points(9); }

    /// Well told apart from each other, in gray too.
    static rgb colour(std::size_t index) {
        constexpr std::array<rgb, 6> colours{
            {{31, 119, 180}, {255, 127, 14}, {44, 160, 44}, {214, 39, 40}, {148, 103, 189}, {90, 90, 90}}};
        return colours[index % colours.size()];
    }

    static double step(curve const& line, std::size_t index) {
        return line.x.empty() ? static_cast<double>(index) : line.x[index];
    }

    /// The axes around all finite numbers.
    [[nodiscard]] static axes measure(chart const& each) {
        constexpr double infinity = std::numeric_limits<double>::infinity();
        axes found{{}, infinity, -infinity, infinity, -infinity};
        for (auto const& line : each.curves) {
            for (std::size_t i = 0; i < line.y.size(); ++i) {
                found.left = std::min(found.left, step(line, i));
                found.right = std::max(found.right, step(line, i));
                if (std::isfinite(line.y[i])) {
                    found.low = std::min(found.low, line.y[i]);
                    found.high = std::max(found.high, line.y[i]);
                }
            }
        }
        auto const widen = [](double& low, double& high) { // where there is one number or none
            if (!(low < high)) {
                double const middle = low <= high ? low : 0;
                double const half = std::max(std::abs(middle) * 0.1, 0.5);
                low = middle - half;
                high = middle + half;
            }
        };
        widen(found.left, found.right);
        widen(found.low, found.high);
        double const beside = found.right / 50 - found.left / 50; // marks at the ends are seen whole
        found.left = std::max(found.left - beside, -std::numeric_limits<double>::max() / 4);
        found.right = std::min(found.right + beside, std::numeric_limits<double>::max() / 4);
        double const margin = found.high / 20 - found.low / 20;
        found.low = each.low.value_or(std::max(found.low - margin, -std::numeric_limits<double>::max() / 4));
        found.high =
            each.high.value_or(std::min(found.high + margin, std::numeric_limits<double>::max() / 4));
        if (!(found.low < found.high)) { // one end was given, beyond all numbers
            (each.low ? found.high : found.low) = each.low ? *each.low + 1 : *each.high - 1;
        }
        return found;
    }

    void draw_chart(canvas& paper, chart const& each, rectangle const& room) const {
        auto on = measure(each);
        auto const across = round_ticks(on.low, on.high);
        paper.font_size(text_size());
        double labels = 0;
        for (auto const& mark : across) {
            labels = std::max(labels, paper.text_width(mark.label));
        }
        double const left = points(10) + labels + points(6);
        double const top = each.title.empty() ? points(6) : points(22);
        double const below = points(18) + (each.x_title.empty() ? 0 : points(14));
        on.place = {std::round(room.x + left), std::round(room.y + top),
                    std::floor(room.width - left - points(14)), std::floor(room.height - top - below)};
        require(on.place.width >= 8 && on.place.height >= 8, "the paper must have room for its " +
                                                                 std::to_string(m_charts.size()) +
                                                                 " charts; make it larger");

        draw_axes(paper, each, on, across);
        auto const& [x, y, width, height] = on.place;
        paper.inside(x, y, width, height, [&] {
            for (std::size_t i = 0; i < each.curves.size(); ++i) {
                draw_curve(paper, each.curves[i], colour(i), on);
            }
        });
        paper.pen_width(1);
        draw_legend(paper, each, on);
    }

    void draw_axes(canvas& paper, chart const& each, axes const& on, std::vector<tick> const& across) const {
        auto const& [x, y, width, height] = on.place;
        auto const sharp = [](double at) { return std::floor(at) + 0.5; };
        paper.font_size(text_size());
        paper.pen_width(1);
        double const bottom = y + height;
        for (auto const& mark : across) {
            double const at = sharp(on.y(mark.value));
            paper.ink(0.88);
            paper.line(x, at, x + width, at);
            paper.ink(0.1);
            paper.write(x - points(6) - paper.text_width(mark.label), at + text_size() * 0.36, mark.label);
        }
        for (auto const& mark : round_ticks(on.left, on.right)) {
            double const at = sharp(on.x(mark.value));
            paper.ink(0.88);
            paper.line(at, y, at, bottom);
            paper.ink(0.1);
            paper.write_centred(at, bottom + points(13), mark.label, points(80));
        }
        paper.ink(0.35);
        paper.line(sharp(x), y, sharp(x), bottom);
        paper.line(x, sharp(bottom), x + width, sharp(bottom));
        paper.ink(0.1);
        double const middle = x + width / 2;
        if (!each.x_title.empty()) {
            paper.write_centred(middle, bottom + points(27), each.x_title, width);
        }
        if (!each.title.empty()) {
            paper.font_size(points(11));
            paper.write_centred(middle, y - points(7), each.title, width + points(20));
        }
    }

    void draw_curve(canvas& paper, curve const& line, rgb ink, axes const& on) const {
        if (line.smooth > 1) {
            draw_line(paper, line, line.y, on, ink, 0.3, points(0.7));
            draw_line(paper, line, smoothed(line), on, ink, 1, points(1.5));
        } else {
            draw_line(paper, line, line.y, on, ink, 1, points(1.5));
        }
    }

    /// Few numbers are marked, each.
    void draw_line(canvas& paper, curve const& line, std::vector<double> const& numbers, axes const& on,
                   rgb ink, double alpha, double width) const {
        constexpr std::size_t few = 40;
        paper.ink(ink, alpha);
        std::vector<paper_point> run;
        auto const end_run = [&] {
            if (!run.empty()) {
                paper.pen_width(run.size() == 1 ? 3 * width : width);
                paper.line_through(thinned(run));
            }
            if (numbers.size() <= few) {
                paper.pen_width(3 * width);
                for (auto const& at : run) {
                    paper.line_through(std::array{at});
                }
            }
            run.clear();
        };
        // Far outside is far enough: the drawing library's numbers are small.
        auto const& place = on.place;
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            if (std::isfinite(numbers[i])) {
                run.push_back({on.x(step(line, i)), std::clamp(on.y(numbers[i]), place.y - 4 * place.height,
                                                               place.y + 5 * place.height)});
            } else {
                end_run();
            }
        }
        end_run();
    }

    /// Of the points in a column of pixels no more than the first, the lowest, the highest and the last: a long training has
    /// thousands there.
    static std::vector<paper_point> thinned(std::vector<paper_point> const& all) {
        std::vector<paper_point> kept;
        for (auto begin = all.begin(); begin != all.end();) {
            auto const column = std::floor(begin->x);
            auto const end =
                std::find_if(begin, all.end(), [&](auto const& p) { return std::floor(p.x) != column; });
            auto const [low, high] =
                std::minmax_element(begin, end, [](auto const& a, auto const& b) { return a.y < b.y; });
            std::array chosen{begin, std::min(low, high), std::max(low, high), end - 1};
            for (auto it = chosen.begin(); it != std::unique(chosen.begin(), chosen.end()); ++it) {
                kept.push_back(**it);
            }
            begin = end;
        }
        return kept;
    }

    /// In the corner where it hides the least.
    void draw_legend(canvas& paper, chart const& each, axes const& on) const {
        paper.font_size(text_size());
        double widest = 0;
        std::size_t names = 0;
        for (auto const& line : each.curves) {
            widest = std::max(widest, paper.text_width(line.name));
            names += line.name.empty() ? 0 : 1;
        }
        if (names == 0) {
            return;
        }
        double const row = points(13);
        double const sample = points(16);
        double const width = sample + widest + points(15);
        double const height = row * static_cast<double>(names) + points(6);
        auto const& place = on.place;
        double const gap = points(5);
        rectangle best{};
        auto fewest = std::numeric_limits<std::size_t>::max();
        for (bool const at_top : {true, false}) {
            for (bool const at_right : {true, false}) {
                rectangle const corner{at_right ? place.x + place.width - width - gap : place.x + gap,
                                       at_top ? place.y + gap : place.y + place.height - height - gap, width,
                                       height};
                if (auto const hidden = count_inside(each, on, corner); hidden < fewest) {
                    fewest = hidden;
                    best = corner;
                }
            }
        }
        paper.ink({255, 255, 255}, 0.8);
        paper.fill_rectangle(best.x, best.y, best.width, best.height);
        double y = best.y + points(3) + row / 2;
        for (std::size_t i = 0; i < each.curves.size(); ++i) {
            if (auto const& name = each.curves[i].name; !name.empty()) {
                paper.ink(colour(i), 1);
                paper.pen_width(points(1.5));
                paper.line(best.x + points(5), y, best.x + points(5) + sample, y);
                paper.ink(0.1);
                paper.write(best.x + points(10) + sample, y + text_size() * 0.36, name);
                y += row;
            }
        }
        paper.pen_width(1);
    }

    static std::size_t count_inside(chart const& each, axes const& on, rectangle const& corner) {
        std::size_t count = 0;
        for (auto const& line : each.curves) {
            for (std::size_t i = 0; i < line.y.size(); ++i) {
                double const x = on.x(step(line, i));
                double const y = on.y(line.y[i]);
                count += x >= corner.x && x <= corner.x + corner.width && y >= corner.y &&
                                 y <= corner.y + corner.height
                             ? 1
                             : 0;
            }
        }
        return count;
    }

    std::string const& m_title;
    std::vector<chart> const& m_charts;
    chart_layout const& m_layout;
    std::size_t m_height;
    std::size_t m_width;
};

} // namespace detail

/// Charts side by side on white paper, with axes, round numbers at them, a legend and a title: such as the loss and the
/// accuracy of a training.
///
///     hc::save_png("curves.png", hc::curves("SimpleCNN on CIFAR-10",
///         {{.title = "loss", .x_title = "step", .curves = {{.name = "training", .y = losses, .smooth = 50}}},
///          {.title = "accuracy", .x_title = "epoch", .curves = {{.name = "test", .y = accuracies}}}}));
///
/// Titles and names are UTF-8, one line each. Throws `error_kind::use` without a chart, for counts that do not fit, steps that
/// do not ascend, an axis that is none, paper that is too small or too large, and a text that is not UTF-8.
[[nodiscard]] inline picture curves(std::string const& title, std::vector<chart> const& charts,
                                    chart_layout const& layout = {}) {
    return detail::chart_painter{title, charts, layout}.draw();
}

} // namespace hookcam
