#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <type_traits>

#include <opencv2/core.hpp>

#include "../core/error.hpp"
#include "../data/picture.hpp"
#include "../tensor/shape_check.hpp"
#include "../tensor/xtensor.hpp"
#include "../viz/colormap.hpp"

namespace hookcam {

namespace detail {

inline cv::Mat new_mat(std::size_t height, std::size_t width, int type) {
    constexpr auto most = static_cast<std::size_t>(std::numeric_limits<int>::max());
    if (height == 0 || width == 0 || height > most || width > most)
        throw error{error_kind::shape, "hookcam::to_mat: a Mat's height and width must lie from 1 to " +
                                           std::to_string(most) + "; these are " + std::to_string(height) +
                                           " and " + std::to_string(width)};
    return cv::Mat(static_cast<int>(height), static_cast<int>(width), type); // braces would list elements
}

inline cv::Vec3b to_bgr(rgb colour) {
    return {colour[2], colour[1], colour[0]};
}

/// A heatmap H,W or 1,H,W, whatever expression it is, as memory.
template <an_expression Heat>
[[nodiscard]] auto one_map(Heat const& heat, std::string const& entity) {
    using value = std::remove_cv_t<typename Heat::value_type>;
    static_assert(std::is_same_v<value, float> || std::is_same_v<value, double>,
                  "hookcam::to_mat: a heatmap must hold float or double; convert it with xt::cast");
    auto const rank = heat.dimension();
    auto const axis = [&](std::size_t i) { return static_cast<std::size_t>(heat.shape()[i]); };
    if (rank != 2 && !(rank == 3 && axis(0) == 1))
        throw error{error_kind::shape,
                    "hookcam::" + entity + ": the heatmap must be that of one picture, H,W or 1,H,W; it is " +
                        shape_text(heat.shape()) + ", choose one with xt::view(heatmaps, n)"};
    auto map = xt::xtensor<value, 2>::from_shape({axis(rank - 2), axis(rank - 1)});
    auto from = heat.template begin<xt::layout_type::row_major>();
    for (auto& to : map)
        to = *from++;
    return map;
}

template <class Value>
cv::Mat gray_mat(std::span<Value const> heat, std::size_t height, std::size_t width) {
    auto result = new_mat(height, width, CV_32FC1);
    auto* to = result.ptr<float>();
    for (auto const value : heat)
        *to++ = static_cast<float>(value);
    return result;
}

template <class Value>
cv::Mat coloured_mat(std::span<Value const> heat, std::size_t height, std::size_t width,
                     colormap const& colours) {
    auto result = new_mat(height, width, CV_8UC3);
    auto* to = result.ptr<cv::Vec3b>();
    for (auto const value : heat)
        *to++ = to_bgr(colours(static_cast<double>(value)));
    return result;
}

inline void require_values_of_map(std::size_t values, std::size_t height, std::size_t width) {
    if (width == 0 || values / width != height || values % width != 0)
        throw error{error_kind::shape, "hookcam::to_mat: the heatmap must have one value a pixel, " +
                                           std::to_string(height) + "×" + std::to_string(width) +
                                           "; it has " + std::to_string(values) + " values"};
}

} // namespace detail

/// A picture as OpenCV has pictures: CV_8UC3, blue first, in memory of its own. Throws `error_kind::shape`
/// for a picture without pixels.
[[nodiscard]] inline cv::Mat to_mat(picture const& source) {
    auto result = detail::new_mat(source.height(), source.width(), CV_8UC3);
    for (std::size_t y = 0; y < source.height(); ++y) {
        auto* const row = result.ptr<cv::Vec3b>(static_cast<int>(y));
        for (std::size_t x = 0; x < source.width(); ++x)
            row[x] = detail::to_bgr(source.at(y, x));
    }
    return result;
}

/// A heatmap H,W, or 1,H,W as a result of `grad_cam` holds it for one picture, as CV_32FC1: the values as
/// they are, rounded to float. Throws `error_kind::shape` for other shapes.
template <detail::an_expression Heat>
[[nodiscard]] cv::Mat to_mat(Heat const& heat) {
    auto const map = detail::one_map(heat, "to_mat");
    return detail::gray_mat(std::span{map.data(), map.size()}, map.shape(0), map.shape(1));
}

/// The same in colours, as CV_8UC3, blue first: 0 has the first colour of the map, 1 the last.
template <detail::an_expression Heat>
[[nodiscard]] cv::Mat to_mat(Heat const& heat, colormap const& colours) {
    auto const map = detail::one_map(heat, "to_mat");
    return detail::coloured_mat(std::span{map.data(), map.size()}, map.shape(0), map.shape(1), colours);
}

/// A heatmap that lies in memory, height × width values, row after row, as CV_32FC1. Throws
/// `error_kind::shape` for another count of values.
[[nodiscard]] inline cv::Mat to_mat(std::span<float const> heat, std::size_t height, std::size_t width) {
    detail::require_values_of_map(heat.size(), height, width);
    return detail::gray_mat(heat, height, width);
}

/// The same in colours, as CV_8UC3.
[[nodiscard]] inline cv::Mat to_mat(std::span<float const> heat, std::size_t height, std::size_t width,
                                    colormap const& colours) {
    detail::require_values_of_map(heat.size(), height, width);
    return detail::coloured_mat(heat, height, width, colours);
}

} // namespace hookcam
