#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "../core/error.hpp"
#include "../core/shape_text.hpp"
#include "../data/picture.hpp"
#include "colormap.hpp"
#include "panel.hpp"
#include "show_at.hpp"

namespace hookcam {

/// Which numbers have the first and the last colour: the smallest and the largest of each map, so that faint
/// ones are seen, too; or of all maps that are shown, so that they compare.
enum class feature_range {
    own,    ///< of each map
    common, ///< of all that are shown
};

/// How feature maps are shown: the first `most` of them, the others are left out.
struct feature_style {
    colormap colours = gray;                  ///< from the smallest number to the largest
    feature_range range = feature_range::own; ///< of which numbers
    std::size_t most = 64;                    ///< how many maps are shown; 1 at least
};

/// How a grid of them is laid out.
struct grid_layout {
    std::size_t columns = 0; ///< 0: as many as look well; never more than there are maps
    std::size_t zoom = 1;    ///< the height and width of each value, and of the lines between maps, in pixels
};

/// What holds feature maps: sizes, and values in row-major order. Every xtensor expression does.
template <class T>
concept feature_tensor = requires(T const& tensor) {
    tensor.shape().size();
    static_cast<double>(*tensor.begin());
    tensor.end();
};

namespace detail {

/// The first maps of a tensor, one after the other, and how they are coloured.
struct feature_maps {
    std::size_t count = 0;
    std::size_t height = 0;
    std::size_t width = 0;
    std::vector<double> values;
    feature_style style;
    colour_scale common; ///< of all of them

    [[nodiscard]] std::span<double const> map(std::size_t index) const {
        return std::span{values}.subspan(index * height * width, height * width);
    }

    [[nodiscard]] picture draw(std::size_t index) const {
        auto const own = map(index);
        return colour_values(own, height, width,
                             style.range == feature_range::common ? common : scale_of(own, style.colours));
    }
};

template <feature_tensor T>
feature_maps take_maps(T const& tensor, feature_style const& style, std::string const& entity) {
    auto const& shape = tensor.shape();
    std::vector<std::size_t> sizes(shape.begin(), shape.end());
    if (sizes.size() == 4 && sizes[0] == 1) {
        sizes.erase(sizes.begin());
    }
    if (sizes.size() != 3 || sizes[0] * sizes[1] * sizes[2] == 0) {
        throw error{error_kind::shape,
                    "hookcam::" + entity + ": feature maps must be C,H,W or 1,C,H,W; these are " +
                        shape_text(shape) + (sizes.size() == 4 ? ", take one image of the batch" : "")};
    }
    if (style.most == 0) {
        throw error{error_kind::use, "hookcam::" + entity + ": at least one map must be shown; `most` is 0"};
    }
    feature_maps maps{.count = std::min(sizes[0], style.most),
                      .height = sizes[1],
                      .width = sizes[2],
                      .values = {},
                      .style = style,
                      .common = {}};
    auto value = tensor.begin();
    for (std::size_t left = maps.count * maps.height * maps.width; left > 0; --left, ++value) {
        maps.values.push_back(static_cast<double>(*value));
    }
    maps.common = scale_of<double>(maps.values, style.colours);
    return maps;
}

/// How many of `count` pictures stand in a row: few places stay empty, and the whole is one to three times as
/// wide as high, best as wide as high.
inline std::size_t choose_columns(std::size_t count, std::size_t height, std::size_t width) {
    std::size_t best = 1;
    std::tuple<bool, std::size_t, double> least{true, std::numeric_limits<std::size_t>::max(), 0};
    for (std::size_t columns = 1; columns <= count; ++columns) {
        std::size_t const rows = (count + columns - 1) / columns;
        double const ratio = static_cast<double>(columns * width) / static_cast<double>(rows * height);
        bool const misshapen = ratio < 1 || ratio > 3;
        std::size_t const empty = misshapen ? 0 : rows * columns - count;
        if (std::tuple const cost{misshapen, empty, std::abs(std::log(ratio))}; cost < least) {
            least = cost;
            best = columns;
        }
    }
    return best;
}

/// Pictures of one size in rows, with white lines between them.
template <class Draw>
picture draw_grid(std::size_t count, std::size_t height, std::size_t width, grid_layout const& layout,
                  Draw const& draw, std::string const& entity) {
    if (layout.zoom == 0) {
        throw error{error_kind::use, "hookcam::" + entity + ": a value must have a pixel; `zoom` is 0"};
    }
    std::size_t const columns =
        layout.columns == 0 ? choose_columns(count, height, width) : std::min(layout.columns, count);
    std::size_t const rows = (count + columns - 1) / columns;
    auto grid = picture::filled(rows * (height + 1) - 1, columns * (width + 1) - 1, {255, 255, 255});
    for (std::size_t i = 0; i < count; ++i) {
        auto const one = draw(i);
        for (std::size_t y = 0; y < height; ++y) {
            for (std::size_t x = 0; x < width; ++x) {
                grid.set(i / columns * (height + 1) + y, i % columns * (width + 1) + x, one.at(y, x));
            }
        }
    }
    return show_at(grid, grid.height() * layout.zoom, grid.width() * layout.zoom);
}

} // namespace detail

/// Feature maps (C,H,W or 1,C,H,W) as panels for a figure, each with the title `name` and its number, from 1.
/// Throws `error_kind::shape` for other sizes, and `error_kind::use` where `most` is 0.
///
///     hc::figure{9, 3}.add_all(hc::feature_panels(hc::get<"conv">(found), "kernel"))
template <feature_tensor T>
[[nodiscard]] std::vector<panel> feature_panels(T const& maps, std::string const& name,
                                                feature_style const& style = {}) {
    auto const taken = detail::take_maps(maps, style, "feature_panels");
    std::vector<panel> panels;
    for (std::size_t c = 0; c < taken.count; ++c) {
        panels.push_back({taken.draw(c), name + ' ' + std::to_string(c + 1), {}});
    }
    return panels;
}

/// Feature maps (C,H,W or 1,C,H,W) side by side in one picture, row after row, with white lines between them.
/// Throws `error_kind::shape` for other sizes, and `error_kind::use` where `most` or `zoom` is 0.
template <feature_tensor T>
[[nodiscard]] picture feature_grid(T const& maps, feature_style const& style = {},
                                   grid_layout const& layout = {}) {
    auto const taken = detail::take_maps(maps, style, "feature_grid");
    return detail::draw_grid(
        taken.count, taken.height, taken.width, layout, [&](std::size_t c) { return taken.draw(c); },
        "feature_grid");
}

} // namespace hookcam
