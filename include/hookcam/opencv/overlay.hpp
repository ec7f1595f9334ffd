#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <opencv2/core.hpp>

#include "../core/error.hpp"
#include "../tensor/shape_check.hpp"
#include "../viz/colormap.hpp"
#include "../viz/overlay.hpp"
#include "mat_values.hpp"
#include "to_mat.hpp"
#include "to_picture.hpp"

namespace hookcam {

namespace detail {

inline void require_size_of_frame(cv::Mat const& frame, std::size_t height, std::size_t width) {
    auto const rows = static_cast<std::size_t>(frame.rows);
    auto const columns = static_cast<std::size_t>(frame.cols);
    if (height != rows || width != columns)
        throw error{error_kind::shape, "hookcam::overlay: the heatmap must have the frame's size, " +
                                           std::to_string(rows) + "×" + std::to_string(columns) + "; it is " +
                                           std::to_string(height) + "×" + std::to_string(width) +
                                           ", bring one to the other's with cv::resize"};
}

} // namespace detail

/// A heatmap H,W, or 1,H,W, laid over a frame of its size, as `overlay` lays it over a `picture`: CV_8UC3,
/// blue first. The frame stays as it is. Throws what `to_picture` throws for a Mat and `overlay` for a
/// picture, and `error_kind::shape` where the sizes differ.
template <detail::an_expression Heat>
[[nodiscard]] cv::Mat overlay(cv::Mat const& frame, Heat const& heat, colormap const& colours = jet,
                              double alpha = 0.4) {
    detail::require_image(frame, "overlay");
    auto const map = detail::one_map(heat, "overlay");
    detail::require_size_of_frame(frame, map.shape(0), map.shape(1));
    return to_mat(overlay(to_picture(frame), std::span{map.data(), map.size()}, colours, alpha));
}

/// The same for a heatmap that is a Mat already (CV_32FC1), such as one that `cv::resize` brought to the
/// frame's size. Throws `error_kind::use` for another type.
[[nodiscard]] inline cv::Mat overlay(cv::Mat const& frame, cv::Mat const& heat, colormap const& colours = jet,
                                     double alpha = 0.4) {
    detail::require_image(frame, "overlay");
    detail::require_plane(heat, "overlay");
    if (heat.type() != CV_32FC1)
        throw error{error_kind::use, "hookcam::overlay: a heatmap must be CV_32FC1; it is " +
                                         cv::typeToString(heat.type()) + ", convert it with convertTo"};
    detail::require_size_of_frame(frame, static_cast<std::size_t>(heat.rows),
                                  static_cast<std::size_t>(heat.cols));
    auto const whole = heat.isContinuous() ? heat : heat.clone();
    std::span const values{whole.ptr<float const>(), whole.total()};
    return to_mat(overlay(to_picture(frame), values, colours, alpha));
}

} // namespace hookcam
