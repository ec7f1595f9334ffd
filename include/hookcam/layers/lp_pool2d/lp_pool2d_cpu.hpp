#pragma once

#include "../../core/instruction_set.hpp"
#include "../../tensor/device.hpp"
#include "../pool2d_parameters.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// base^exponent by squaring.
template <class T>
[[nodiscard]] constexpr T whole_power(T base, std::size_t exponent) noexcept {
    T result{1};
    for (; exponent != 0; exponent /= 2, base *= base)
        if (exponent % 2 != 0)
            result *= base;
    return result;
}

/// Calls `visit(x_index, y_index)` for every element that a window sees, window by window. Without padding, no
/// window reaches out of its plane.
template <class Visit>
void for_each_in_window(pool2d_parameters const& of, Visit&& visit) {
    std::size_t at_y = 0;
    for (std::size_t plane = 0; plane < of.planes; ++plane)
        for (std::size_t i = 0; i < of.out_height; ++i)
            for (std::size_t j = 0; j < of.out_width; ++j, ++at_y)
                for (std::size_t row = 0; row < of.rows.kernel; ++row) {
                    std::size_t const first =
                        (plane * of.in_height + i * of.rows.stride + row) * of.in_width +
                        j * of.columns.stride;
                    for (std::size_t column = 0; column < of.columns.kernel; ++column)
                        visit(first + column, at_y);
                }
}

/// y = (Σ |x|^norm)^(1/norm) over each window.
template <class T>
void lp_pool2d(cpu, pool2d_parameters const& of, std::size_t norm, T const* x, T* y) noexcept {
    std::size_t const size = of.planes * of.out_plane();
    std::fill_n(y, size, T{0});
    for_each_in_window(
        of, [&](std::size_t at_x, std::size_t at_y) { y[at_y] += whole_power(std::abs(x[at_x]), norm); });
    for (std::size_t i = 0; i < size; ++i)
        y[i] = norm == 2 ? std::sqrt(y[i]) : std::pow(y[i], T{1} / static_cast<T>(norm));
}

/// Each element gets sign(x)·(|x|/y)^(norm − 1) of its window's gradient, and nothing where y is zero.
template <class T>
void lp_pool2d_backward(cpu, pool2d_parameters const& of, std::size_t norm, T const* x, T const* y,
                        T const* grad_y, T* grad_x) noexcept {
    std::fill_n(grad_x, of.planes * of.in_plane(), T{0});
    for_each_in_window(of, [&](std::size_t at_x, std::size_t at_y) {
        if (x[at_x] == T{0} || y[at_y] == T{0})
            return;
        T const share = whole_power(std::abs(x[at_x]) / y[at_y], norm - 1);
        grad_x[at_x] += grad_y[at_y] * std::copysign(share, x[at_x]);
    });
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
