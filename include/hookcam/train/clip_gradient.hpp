#pragma once

#include "../cuda/training/numbers.hpp"
#include "../tensor/device_view.hpp"
#include "for_each_vector.hpp"
#include "optimizer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>

namespace hookcam {

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// The sum of squares, in blocks that a T holds well, and these in double.
template <class T>
[[nodiscard]] double sum_of_squares(std::span<T> numbers) {
    constexpr std::size_t block = 4096;
    double sum = 0;
    for (std::size_t at = 0; at < numbers.size(); at += block) {
        vector<T> squares{};
        auto const size = std::min(block, numbers.size() - at);
        for_each_vector<T, 0>(
            size, numbers.data() + at, {}, [&](vector<T> g, vector<T>*) __attribute__((always_inline)) {
                squares = multiply_add_all<T>(g, g, squares);
            });
        for (std::size_t lane = 0; lane < width<T>; ++lane)
            sum += static_cast<double>(squares[lane]);
    }
    return sum;
}

/// The norm of all numbers together.
template <class T>
[[nodiscard]] double norm_of(std::span<T> numbers, double type) {
    if (type == 2)
        return std::sqrt(sum_of_squares(numbers));
    double norm = 0;
    if (std::isinf(type)) {
        for (T const number : numbers)
            if (double const size = std::abs(static_cast<double>(number)); size > norm || std::isnan(size))
                norm = size; // nothing is larger than NaN
        return norm;
    }
    for (T const number : numbers)
        norm += std::pow(std::abs(static_cast<double>(number)), type);
    return std::pow(norm, 1 / type);
}
/// The same on a device.
template <class T, class Device>
[[nodiscard]] double norm_of(device_view<T, 1, Device> const& numbers, double type) {
    auto const kind = type == 2          ? kernels::norm_kind::squares
                      : std::isinf(type) ? kernels::norm_kind::largest
                                         : kernels::norm_kind::powers;
    double const whole = kernels::norm_of_parts(numbers.device(), kind, type, numbers.size(), numbers.data());
    return kind == kernels::norm_kind::largest ? whole : std::pow(whole, 1 / type);
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

inline namespace HOOKCAM_INSTRUCTION_SET {

/// Brings every gradient of a training plan between −limit and limit, as `torch.nn.utils.clip_grad_value_`; NaN stays.
template <trainable Training>
void clip_gradient_value(Training& training, double limit) {
    using T = typename Training::value_type;
    detail::check_option(limit >= 0, "hookcam::clip_gradient_value: the limit must not be negative", limit);
    auto const most = static_cast<T>(limit);
    auto const gradients = training.gradients();
    if constexpr (detail::is_device_view<decltype(training.gradients())>)
        kernels::clamp_numbers(gradients.device(), gradients.size(), most, gradients.data());
    else
        for (T& g : gradients)
            g = g > most ? most : g < -most ? -most : g;
}

/// Scales the gradients of a training plan so that the norm of all together is at most `max_norm`, as
/// `torch.nn.utils.clip_grad_norm_`, and returns what it was. `norm_type` is 2 for the Euclidean norm, infinity for the
/// largest absolute value, or any other positive number. A norm that is not finite is returned, and makes gradients NaN
/// or zero, as in PyTorch: look at it where that may happen. On a device it waits for the norm, which is summed in one order.
template <trainable Training>
double clip_gradient_norm(Training& training, double max_norm, double norm_type = 2) {
    using T = typename Training::value_type;
    detail::check_option(max_norm >= 0, "hookcam::clip_gradient_norm: max_norm must not be negative",
                         max_norm);
    detail::check_option(norm_type > 0, "hookcam::clip_gradient_norm: norm_type must be positive", norm_type);
    auto const gradients = training.gradients();
    double const norm = detail::norm_of(gradients, norm_type);
    double const scale = max_norm / (norm + 1e-6); // PyTorch's 1e-6
    if (!(scale >= 1)) {
        auto const by = static_cast<T>(scale);
        if constexpr (detail::is_device_view<decltype(training.gradients())>)
            kernels::scale_numbers(gradients.device(), gradients.size(), by, gradients.data());
        else
            for (T& g : gradients)
                g *= by;
    }
    return norm;
}

} // namespace HOOKCAM_INSTRUCTION_SET

} // namespace hookcam
