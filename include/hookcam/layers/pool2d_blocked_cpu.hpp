#pragma once

#include "../tensor/blocked.hpp"
#include "../tensor/simd.hpp"
#include "pool2d_parameters.hpp"

#include <cstddef>
#include <limits>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// The maxima of one row of windows over blocked channels: y from the rows `rows`, in steps of `row_step`. Row r begins
/// at `x + r % kept_rows * x_row`, so that x may be a ring of the rows that are still needed.
template <class T>
void max_of_windows(window const& columns, std::size_t row_step, element_range rows, T const* x,
                    std::size_t kept_rows, std::size_t x_row, std::size_t in_width, std::size_t out_width,
                    T* y) noexcept {
    constexpr std::size_t lanes = detail::width<T>;
    for (std::size_t j = 0; j < out_width; ++j, y += lanes) {
        auto const seen = seen_by(columns, j, in_width);
        auto largest = detail::broadcast(-std::numeric_limits<T>::infinity());
        for (std::size_t row = rows.begin; row < rows.end; row += row_step)
            for (std::size_t column = seen.begin; column < seen.end; column += columns.dilation) {
                auto const here = detail::load(x + row % kept_rows * x_row + column * lanes);
                largest = ((here > largest) | (here != here)) ? here : largest; // NaN is larger than all
            }
        detail::store(y, largest);
    }
}

/// The mean of a part of a plane of blocked channels, in the order of rows and columns; `divisor` counts its elements.
template <class T>
[[nodiscard]] detail::vector<T> mean_of_part(element_range rows, element_range columns, std::size_t divisor,
                                             T const* x, std::size_t x_row) noexcept {
    detail::vector<T> sum{};
    for (std::size_t row = rows.begin; row < rows.end; ++row)
        for (std::size_t column = columns.begin; column < columns.end; ++column)
            sum = sum + detail::load(x + row * x_row + column * detail::width<T>);
    return sum / detail::broadcast(static_cast<T>(divisor));
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
