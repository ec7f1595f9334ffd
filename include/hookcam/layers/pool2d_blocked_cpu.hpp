#pragma once

#include "../tensor/blocked.hpp"
#include "../tensor/simd.hpp"
#include "pool2d_parameters.hpp"

#include <cstddef>
#include <limits>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// The larger of both, the first of equals. Where one is NaN it is the first.
template <class T>
[[nodiscard, gnu::always_inline]] inline detail::vector<T> larger(detail::vector<T> first,
                                                                  detail::vector<T> here) noexcept {
    return here > first ? here : first;
}

/// True where one of a vector's numbers is NaN.
template <class T>
[[nodiscard]] bool has_nan(detail::vector<T> of) noexcept {
    T numbers[detail::width<T>];
    detail::store(numbers, of);
    bool found = false;
    for (T const number : numbers)
        found |= number != number;
    return found;
}

/// The maxima of windows of two by two over two rows of blocked channels, `out_width` of them, a window beside the other.
/// False where some of it may be NaN; y is not all right then.
template <class T>
[[nodiscard]] bool max_of_squares(T const* x, T const* below, std::size_t out_width, T* y) noexcept {
    using namespace detail;
    constexpr std::size_t lanes = width<T>;
    auto const lowest = broadcast(-std::numeric_limits<T>::infinity());
    vector<T> any{}; // a sum of all: NaN, if one is
    for (std::size_t j = 0; j < out_width; ++j, x += 2 * lanes, below += 2 * lanes, y += lanes) {
        vector<T> const a = load(x);
        vector<T> const b = load(x + lanes);
        vector<T> const c = load(below);
        vector<T> const d = load(below + lanes);
        any = any + ((a + b) + (c + d));
        store(y, larger<T>(larger<T>(larger<T>(larger<T>(lowest, a), b), c), d));
    }
    return !has_nan<T>(any);
}

/// The maxima of one row of windows over blocked channels: y from the rows `rows`, in steps of `row_step`. Row r begins
/// at `x + r % kept_rows * x_row`, so that x may be a ring of the rows that are still needed.
template <class T>
void max_of_windows(window const& columns, std::size_t row_step, element_range rows, T const* x,
                    std::size_t kept_rows, std::size_t x_row, std::size_t in_width, std::size_t out_width,
                    T* y) noexcept {
    constexpr std::size_t lanes = detail::width<T>;
    bool const is_of_squares = columns.kernel == 2 && columns.stride == 2 && columns.dilation == 1 &&
                               columns.before == 0 && 2 * out_width <= in_width && rows.size() == 2 &&
                               row_step == 1;
    if (is_of_squares && max_of_squares(x + rows.begin % kept_rows * x_row,
                                        x + (rows.begin + 1) % kept_rows * x_row, out_width, y))
        return;
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
