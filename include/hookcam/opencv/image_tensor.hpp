#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

#include <opencv2/core.hpp>

#include "../data/normalize.hpp"
#include "../tensor/xtensor.hpp"
#include "mat_values.hpp"

namespace hookcam {

/// The picture in a Mat as a network's input, 3 × height × width, red first, into the caller's memory: what
/// to use for every frame of a stream. A byte gives the bits that it gives in a `picture`; a float x, from 0
/// to 1, counts as 255·x would, unrounded and unclamped. Throws what `to_picture` throws for a Mat,
/// `error_kind::shape` where `out` is of another size, and `error_kind::use` where `how` divides by zero.
template <std::floating_point T>
void normalize(cv::Mat const& mat, normalization const& how, std::span<T> out) {
    detail::require_image(mat, "normalize");
    std::size_t const plane = mat.total();
    detail::require_values(out.size(), plane * 3);
    std::array const scale{detail::channel_scale<T>{how, 0}, detail::channel_scale<T>{how, 1},
                           detail::channel_scale<T>{how, 2}};
    detail::for_each_value(mat, [&](std::size_t pixel, std::size_t channel, auto value) {
        auto const level =
            std::is_same_v<decltype(value), float> ? 255 * static_cast<T>(value) : static_cast<T>(value);
        out[channel * plane + pixel] = scale[channel](level);
    });
}

/// The picture in a Mat as a network reads it: 3,H,W, red first, normalised. See `normalize`.
template <std::floating_point T>
[[nodiscard]] xt::xtensor<T, 3> image_tensor(cv::Mat const& mat, normalization const& how) {
    detail::require_image(mat, "image_tensor");
    auto result = xt::xtensor<T, 3>::from_shape(
        {3, static_cast<std::size_t>(mat.rows), static_cast<std::size_t>(mat.cols)});
    hookcam::normalize(mat, how, std::span<T>{result.data(), result.size()}); // cv has a normalize too
    return result;
}

} // namespace hookcam
