#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>

#include "../core/error.hpp"
#include "../data/limits.hpp"
#include "colormap.hpp"
#include "figure.hpp"
#include "overlay.hpp"
#include "panel.hpp"

namespace hookcam {

/// A heatmap, height × width values from 0 to 1 in row-major order, and what it shows.
struct titled_heat {
    std::span<float const> values; ///< they must outlive the call that draws them
    std::string title{};           ///< none where it is empty
};

/// How heat is laid over a picture: the colours of 0 to 1, and how much of them is seen (0 to 1).
struct overlay_style {
    colormap colours = jet; ///< of 0 to 1
    double alpha = 0.4;     ///< 0: the picture alone; 1: the heat alone
};

/// A picture and, beside it, the same picture under each of several heatmaps of its size, so many in a row:
/// such as a row a class and a column a layer. One colour bar serves all. The paper is as large as they need
/// at 100 pixels an inch; where a figure or a PNG file cannot be so large, all is drawn smaller. Throws what
/// `overlay` and `figure` throw, and `error_kind::use` without columns.
[[nodiscard]] inline figure overlay_figure(panel const& original, std::span<titled_heat const> maps,
                                           std::size_t columns, overlay_style const& style = {}) {
    if (columns == 0) {
        throw error{error_kind::use, "hookcam::overlay_figure: a row must have a heatmap; `columns` is 0"};
    }
    if (original.image.empty()) {
        throw error{error_kind::shape, "hookcam::overlay_figure: the picture must have pixels"};
    }
    std::size_t const count = std::max<std::size_t>(1, maps.size());
    columns = std::min(columns, count);
    auto const rows = (count + columns - 1) / columns;
    double const panel_width = 3.2; // inches
    double const panel_height = panel_width * static_cast<double>(original.image.height()) /
                                static_cast<double>(original.image.width());
    double const width = panel_width * static_cast<double>(columns + 1) + 1;
    double const height = (panel_height + 0.4) * static_cast<double>(rows) + 0.2;
    double const most_pixels = 0.99 * static_cast<double>(max_picture_pixels); // sides are rounded
    double const dpi = std::min({100.0, static_cast<double>(figure::max_side) / std::max(width, height),
                                 std::sqrt(most_pixels / width / height)});
    figure result{width, height, {.columns = columns + 1, .dpi = dpi}};
    result.add(original);
    for (std::size_t i = 0; i < maps.size(); ++i) {
        if (i != 0 && i % columns == 0) {
            result.add_space(); // under the original
        }
        result.add({overlay(original.image, maps[i].values, style.colours, style.alpha), maps[i].title});
    }
    for (std::size_t i = maps.size(); i % columns != 0; ++i) {
        result.add_space(); // so that the last row, too, begins under the first
    }
    return result.set_bar({style.colours, 0, 1});
}

} // namespace hookcam
