#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <opencv2/core.hpp>

#include "../core/error.hpp"

namespace hookcam::detail {

/// Throws unless the Mat is a plane of pixels: `error_kind::shape`.
inline void require_plane(cv::Mat const& mat, std::string const& entity) {
    if (mat.dims > 2)
        throw error{error_kind::shape, "hookcam::" + entity + ": the Mat must be a plane of pixels; it is " +
                                           cv::typeToString(mat.type()) + " in " + std::to_string(mat.dims) +
                                           " dimensions, pass one plane of it"};
    if (mat.empty())
        throw error{error_kind::shape, "hookcam::" + entity + ": the Mat must have pixels; it is empty (" +
                                           cv::typeToString(mat.type()) +
                                           "), look whether what made it failed"};
}

/// Throws unless the Mat is a picture in one of the four types that are read.
inline void require_image(cv::Mat const& mat, std::string const& entity) {
    require_plane(mat, entity);
    auto const type = mat.type();
    if (type != CV_8UC3 && type != CV_8UC1 && type != CV_32FC3 && type != CV_32FC1)
        throw error{error_kind::use, "hookcam::" + entity +
                                         ": the Mat must be BGR or gray, in 8 bits or float (CV_8UC3, "
                                         "CV_8UC1, CV_32FC3, CV_32FC1); it is " +
                                         cv::typeToString(type) +
                                         ", convert it with cv::cvtColor or convertTo"};
}

/// Calls `take(pixel, channel, value)` for each pixel, row after row, and each channel, 0 to 2 for R, G, B:
/// `value` is the Mat's byte or float. Gray is three equal channels.
template <class Take>
void for_each_value(cv::Mat const& mat, Take const& take) {
    auto const walk = [&]<class Value>(Value) {
        auto const channels = static_cast<std::size_t>(mat.channels());
        std::size_t pixel = 0;
        for (int y = 0; y < mat.rows; ++y) { // rows may lie apart: the Mat may be a part of another
            auto const* at = mat.ptr<Value>(y);
            for (int x = 0; x < mat.cols; ++x, ++pixel, at += channels)
                for (std::size_t c = 0; c < 3; ++c)
                    take(pixel, c, at[channels == 3 ? 2 - c : 0]);
        }
    };
    mat.depth() == CV_8U ? walk(std::uint8_t{}) : walk(float{});
}

} // namespace hookcam::detail
