#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "../core/error.hpp"
#include "../core/shape_text.hpp"
#include "../data/picture.hpp"
#include "feature_grid.hpp"

namespace hookcam {

/// The filters of a convolution that reads pictures, side by side in one picture: `weights` are filters, channels, rows,
/// columns, as in a state dict. Filters of three channels have colours, those of one are gray. Each goes from its smallest
/// number (black) to its largest (white), or all of them do from the smallest to the largest of all
/// (`feature_range::common`); `style.colours` does not count. What a training has changed is seen beside the filters before:
///
///     hc::figure{9, 4}.add({hc::filter_grid(before.parameter("conv1.weight")), "before"})
///                     .add({hc::filter_grid(after.parameter("conv1.weight")), "after"})
///
/// Throws `error_kind::shape` for other sizes or channels, and `error_kind::use` where `most` or `zoom` is 0. The kernels of
/// a deeper layer, filters × channels of them, are a `feature_grid`: `xt::reshape_view(weights, {filters * channels, h, w})`.
template <feature_tensor T>
[[nodiscard]] picture filter_grid(T const& weights, feature_style const& style = {},
                                  grid_layout const& layout = {}) {
    auto const& shape = weights.shape();
    std::vector<std::size_t> const sizes(shape.begin(), shape.end());
    bool const fits =
        sizes.size() == 4 && (sizes[1] == 1 || sizes[1] == 3) && sizes[0] * sizes[2] * sizes[3] != 0;
    if (!fits) {
        throw error{
            error_kind::shape,
            "hookcam::filter_grid: filters must be filters × channels × height × width, of one channel or "
            "three; these are " +
                detail::shape_text(shape) + ", show a deeper layer's as a feature_grid"};
    }
    if (style.most == 0) {
        throw error{error_kind::use, "hookcam::filter_grid: at least one filter must be shown; `most` is 0"};
    }
    std::size_t const count = std::min(sizes[0], style.most);
    std::size_t const channels = sizes[1];
    std::size_t const plane = sizes[2] * sizes[3];
    std::vector<double> values;
    auto value = weights.begin();
    for (std::size_t left = count * channels * plane; left > 0; --left, ++value) {
        values.push_back(static_cast<double>(*value));
    }
    auto const common = detail::scale_of<double>(values, gray);
    auto const draw = [&](std::size_t filter) {
        auto const own = std::span<double const>{values}.subspan(filter * channels * plane, channels * plane);
        auto const scale =
            style.range == feature_range::common ? common : detail::scale_of<double>(own, gray);
        std::vector<picture> levels; // of each channel
        for (std::size_t c = 0; c < channels; ++c) {
            levels.push_back(detail::colour_values(own.subspan(c * plane, plane), sizes[2], sizes[3], scale));
        }
        picture drawn{sizes[2], sizes[3]};
        for (std::size_t i = 0; i < drawn.bytes().size(); ++i) {
            drawn.bytes()[i] = levels[i % 3 % channels].bytes()[i];
        }
        return drawn;
    };
    return detail::draw_grid(count, sizes[2], sizes[3], layout, draw, "filter_grid");
}

} // namespace hookcam
