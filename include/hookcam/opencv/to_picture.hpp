#pragma once

#include <cstddef>
#include <cstdint>

#include <opencv2/core.hpp>

#include "../data/picture.hpp"
#include "mat_values.hpp"

namespace hookcam {

namespace detail {

inline std::uint8_t to_byte(std::uint8_t value) {
    return value;
}

inline std::uint8_t to_byte(float value) {
    float const level = 255 * value;
    if (!(level > 0)) // NaN too
        return 0;
    return level < 255 ? static_cast<std::uint8_t>(cvRound(level)) : std::uint8_t{255};
}

} // namespace detail

/// The picture in a Mat, red first: BGR or gray, in bytes (CV_8UC3, CV_8UC1) or in floats from 0 to 1
/// (CV_32FC3, CV_32FC1). A float x becomes the byte nearest to 255·x, halves the even one, as by
/// `convertTo(CV_8U, 255)`; what lies outside becomes 0 or 255, and NaN 0. The Mat may be a part of another.
/// Throws `error_kind::use` for other types, and `error_kind::shape` for an empty Mat or one of more than 2
/// dimensions.
[[nodiscard]] inline picture to_picture(cv::Mat const& mat) {
    detail::require_image(mat, "to_picture");
    picture result{static_cast<std::size_t>(mat.rows), static_cast<std::size_t>(mat.cols)};
    auto const bytes = result.bytes();
    detail::for_each_value(mat, [&](std::size_t pixel, std::size_t channel, auto value) {
        bytes[pixel * 3 + channel] = detail::to_byte(value);
    });
    return result;
}

} // namespace hookcam
