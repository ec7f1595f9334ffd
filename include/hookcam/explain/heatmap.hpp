#pragma once

#include "../core/instruction_set.hpp"
#include "../tensor/device.hpp"
#include "../tensor/simd.hpp"
#include "status.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <type_traits>
#include <utility>

namespace hookcam {

namespace detail {

/// Sums are taken in a type whose range the products of two scalars cannot leave: so no infinity, and no NaN,
/// comes out of finite activations and gradients.
template <class T>
using sum_type = std::conditional_t<std::is_same_v<T, float>, double, long double>;

inline namespace HOOKCAM_INSTRUCTION_SET {

template <class T, class Sum>
[[nodiscard]] T clamped(Sum value) noexcept {
    constexpr auto largest = static_cast<Sum>(std::numeric_limits<T>::max());
    return static_cast<T>(std::min(value, largest));
}

/// The sum of neighbouring numbers, in parts that lie side by side in a vector.
template <class T>
[[nodiscard]] sum_type<T> wide_sum(T const* x, std::size_t size) noexcept {
    constexpr std::size_t parts = 16;
    std::array<sum_type<T>, parts> sums{};
    std::size_t i = 0;
    for (; i + parts <= size; i += parts)
        for (std::size_t part = 0; part < parts; ++part)
            sums[part] += static_cast<sum_type<T>>(x[i + part]);
    sum_type<T> sum = 0;
    for (auto const part : sums)
        sum += part;
    for (; i < size; ++i)
        sum += static_cast<sum_type<T>>(x[i]);
    return sum;
}

/// The least and the largest of neighbouring numbers: at least one, and none of them NaN.
template <class T>
[[nodiscard]] std::pair<T, T> range_of(T const* x, std::size_t size) noexcept {
    if (size < width<T>) {
        auto const [low, high] = std::minmax_element(x, x + size);
        return {*low, *high};
    }
    auto low = load(x + size - width<T>); // the last ones, some of which the loop may meet again
    auto high = low;
    for (std::size_t i = 0; i + width<T> <= size; i += width<T>) {
        auto const here = load(x + i);
        low = here < low ? here : low;
        high = high < here ? here : high;
    }
    std::array<T, width<T>> lows, highs;
    store(lows.data(), low);
    store(highs.data(), high);
    return {*std::min_element(lows.begin(), lows.end()), *std::max_element(highs.begin(), highs.end())};
}

/// Where a pixel of a resized axis looks in the original: at two neighbours, and how much at the second.
template <class T>
struct between {
    std::size_t low, high;
    T above; ///< the share of `high`, the rest is that of `low`
};

/// Half-pixel centres: pixel i looks at (i + ½)·from/to − ½, not below 0.
template <class T>
[[nodiscard]] between<T> look_between(std::size_t i, std::size_t from, std::size_t to) noexcept {
    auto const scale = static_cast<double>(from) / static_cast<double>(to);
    auto const at = std::max((static_cast<double>(i) + 0.5) * scale - 0.5, 0.0);
    auto const low = std::min(static_cast<std::size_t>(at), from - 1);
    return {low, std::min(low + 1, from - 1), static_cast<T>(at - static_cast<double>(low))};
}

} // namespace HOOKCAM_INSTRUCTION_SET

} // namespace detail

namespace kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// Grad-CAM's map of one image (Selvaraju et al., Grad-CAM, 2017, eq. 1 and 2): with w_c the mean of
/// `gradient` over the pixels of channel c, max(Σ_c w_c·activation_c, 0). Both are C×pixels; `map` has
/// `pixels` elements.
template <class T>
void grad_cam_map(cpu, std::size_t channels, std::size_t pixels, T const* activation, T const* gradient,
                  detail::sum_type<T>* sums, T* map) noexcept {
    using sum = detail::sum_type<T>;
    std::fill_n(sums, pixels, sum{0});
    for (std::size_t c = 0; c < channels; ++c) {
        auto const weight = detail::wide_sum(gradient + c * pixels, pixels) / static_cast<sum>(pixels);
        for (std::size_t i = 0; i < pixels; ++i)
            sums[i] += weight * static_cast<sum>(activation[c * pixels + i]);
    }
    for (std::size_t i = 0; i < pixels; ++i)
        map[i] = detail::clamped<T>(std::max(sums[i], sum{0}));
}

/// Bilinear interpolation between half-pixel centres, PyTorch's `interpolate(mode='bilinear',
/// align_corners=False)`: first along the rows, once for each row of the original, then between two of these.
template <class T>
void resize_bilinear(cpu, std::size_t from_height, std::size_t from_width, T const* from,
                     std::size_t to_height, std::size_t to_width, T* to) noexcept {
    constexpr std::size_t strip = 256; // columns at a time: what is kept of them lies on the stack
    std::array<detail::between<T>, strip> columns;
    std::array<std::array<T, strip>, 2> rows;
    for (std::size_t left = 0; left < to_width; left += strip) {
        std::size_t const size = std::min(strip, to_width - left);
        for (std::size_t j = 0; j < size; ++j)
            columns[j] = detail::look_between<T>(left + j, from_width, to_width);
        auto const stretch = [&](std::size_t row, std::array<T, strip>& stretched) {
            auto const* const x = from + row * from_width;
            for (std::size_t j = 0; j < size; ++j)
                stretched[j] =
                    x[columns[j].low] * (1 - columns[j].above) + x[columns[j].high] * columns[j].above;
        };
        std::array<std::size_t, 2> held{from_height, from_height}; // which rows: none yet
        for (std::size_t i = 0; i < to_height; ++i) {
            auto const row = detail::look_between<T>(i, from_height, to_height);
            if (held[1] == row.low && held[0] != row.low) {
                std::swap(rows[0], rows[1]);
                std::swap(held[0], held[1]);
            }
            if (held[0] != row.low)
                stretch(held[0] = row.low, rows[0]);
            if (held[1] != row.high)
                stretch(held[1] = row.high, rows[1]);
            for (std::size_t j = 0; j < size; ++j)
                to[i * to_width + left + j] = rows[0][j] * (1 - row.above) + rows[1][j] * row.above;
        }
    }
}

/// Minus its minimum, over its maximum where that is positive: then the largest element is exactly 1.
template <class T>
void normalize_map(cpu, std::size_t pixels, T* map) noexcept {
    auto const [low, most] = detail::range_of(map, pixels);
    auto const high = most > low ? most - low : T{1};
    for (std::size_t i = 0; i < pixels; ++i)
        map[i] = (map[i] - low) / high;
}

/// What a raw map says.
template <class T>
[[nodiscard]] cam_status status_of_map(cpu, std::size_t pixels, T const* map) noexcept {
    auto const [low, high] = detail::range_of(map, pixels);
    if (!(high > T{0}))
        return cam_status::no_positive_evidence;
    return low == high ? cam_status::flat : cam_status::ok;
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace kernels

} // namespace hookcam
