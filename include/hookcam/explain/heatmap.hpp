#pragma once

#include "../tensor/device.hpp"
#include "status.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <type_traits>

namespace hookcam {

namespace detail {

/// Sums are taken in a type whose range the products of two scalars cannot leave: so no infinity, and no NaN,
/// comes out of finite activations and gradients.
template <class T>
using sum_type = std::conditional_t<std::is_same_v<T, float>, double, long double>;

template <class T, class Sum>
[[nodiscard]] T clamped(Sum value) noexcept {
    constexpr auto largest = static_cast<Sum>(std::numeric_limits<T>::max());
    return static_cast<T>(std::min(value, largest));
}

} // namespace detail

namespace kernels {

/// Grad-CAM's map of one image (Selvaraju et al., Grad-CAM, 2017, eq. 1 and 2): with w_c the mean of
/// `gradient` over the pixels of channel c, max(Σ_c w_c·activation_c, 0). Both are C×pixels; `map` has
/// `pixels` elements.
template <class T>
void grad_cam_map(cpu, std::size_t channels, std::size_t pixels, T const* activation, T const* gradient,
                  detail::sum_type<T>* sums, T* map) noexcept {
    using sum = detail::sum_type<T>;
    std::fill_n(sums, pixels, sum{0});
    for (std::size_t c = 0; c < channels; ++c) {
        sum weight = 0;
        for (std::size_t i = 0; i < pixels; ++i)
            weight += static_cast<sum>(gradient[c * pixels + i]);
        weight /= static_cast<sum>(pixels);
        for (std::size_t i = 0; i < pixels; ++i)
            sums[i] += weight * static_cast<sum>(activation[c * pixels + i]);
    }
    for (std::size_t i = 0; i < pixels; ++i)
        map[i] = detail::clamped<T>(std::max(sums[i], sum{0}));
}

/// Bilinear interpolation between half-pixel centres, PyTorch's `interpolate(mode='bilinear',
/// align_corners=False)`: the target's pixel i looks at (i + ½)·from/to − ½, not below 0.
template <class T>
void resize_bilinear(cpu, std::size_t from_height, std::size_t from_width, T const* from,
                     std::size_t to_height, std::size_t to_width, T* to) noexcept {
    struct place {
        std::size_t low, high;
        T above; // the share of `high`
    };
    auto const look = [](std::size_t i, std::size_t from_size, std::size_t to_size) {
        auto const scale = static_cast<double>(from_size) / static_cast<double>(to_size);
        auto const at = std::max((static_cast<double>(i) + 0.5) * scale - 0.5, 0.0);
        auto const low = std::min(static_cast<std::size_t>(at), from_size - 1);
        return place{low, std::min(low + 1, from_size - 1), static_cast<T>(at - static_cast<double>(low))};
    };
    for (std::size_t i = 0; i < to_height; ++i) {
        auto const row = look(i, from_height, to_height);
        auto const* const low = from + row.low * from_width;
        auto const* const high = from + row.high * from_width;
        for (std::size_t j = 0; j < to_width; ++j) {
            auto const column = look(j, from_width, to_width);
            T const top = low[column.low] * (1 - column.above) + low[column.high] * column.above;
            T const bottom = high[column.low] * (1 - column.above) + high[column.high] * column.above;
            to[i * to_width + j] = top * (1 - row.above) + bottom * row.above;
        }
    }
}

/// Minus its minimum, over its maximum where that is positive: then the largest element is exactly 1.
template <class T>
void normalize_map(cpu, std::size_t pixels, T* map) noexcept {
    auto const low = *std::min_element(map, map + pixels);
    for (std::size_t i = 0; i < pixels; ++i)
        map[i] -= low;
    auto const high = *std::max_element(map, map + pixels);
    if (high > T{0})
        for (std::size_t i = 0; i < pixels; ++i)
            map[i] /= high;
}

/// What a raw map says.
template <class T>
[[nodiscard]] cam_status status_of_map(cpu, std::size_t pixels, T const* map) noexcept {
    auto const [low, high] = std::minmax_element(map, map + pixels);
    if (!(*high > T{0}))
        return cam_status::no_positive_evidence;
    return *low == *high ? cam_status::flat : cam_status::ok;
}

} // namespace kernels

} // namespace hookcam
