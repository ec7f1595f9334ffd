#pragma once

#include "../../core/instruction_set.hpp"
#include "../../core/threads.hpp"
#include "../../tensor/device.hpp"
#include "../../tensor/simd.hpp"
#include "../multiply_add.hpp"
#include "batch_norm2d_parameters.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// The sum of `term(i)` over a plane, where `term` takes a place and gives a vector (for `std::true_type`) or a number:
/// in four vectors, which are added up in order.
template <class T, class Term>
[[nodiscard, gnu::always_inline]] inline T sum_of_plane(std::size_t plane, Term const& term) noexcept {
    using namespace detail;
    constexpr std::size_t lanes = width<T>;
    constexpr std::size_t vectors = 4;
    std::size_t i = 0;
    if (plane < lanes) {
        T few{0};
        for (; i < plane; ++i)
            few += term(i, std::false_type{});
        return few;
    }
    vector<T> parts[vectors]{};
    for (; i + vectors * lanes <= plane; i += vectors * lanes)
        unroll<vectors>([&](auto v) { parts[v] = parts[v] + term(i + v * lanes, std::true_type{}); });
    for (; i + lanes <= plane; i += lanes)
        parts[0] = parts[0] + term(i, std::true_type{});
    auto const whole = (parts[0] + parts[1]) + (parts[2] + parts[3]);
    T sum{0};
    for (std::size_t lane = 0; lane < lanes; ++lane)
        sum += whole[lane];
    for (; i < plane; ++i)
        sum += term(i, std::false_type{});
    return sum;
}

/// A vector or a number of an array, as the second argument says.
template <class T, bool IsVector>
[[nodiscard, gnu::always_inline]] inline auto read(T const* from, std::bool_constant<IsVector>) noexcept {
    if constexpr (IsVector)
        return detail::load(from);
    else
        return *from;
}

/// Calls `visit(channel, offset of its plane)` for every plane of a batch; those of a channel in order, on one thread.
template <class Visit>
void for_each_channel(batch_norm2d_parameters const& of, Visit const& visit) noexcept {
    constexpr std::size_t enough_to_share = std::size_t{1} << 15;
    std::size_t const all = of.batch * of.channels * of.plane;
    // A few channels at a time, so that neighbours in memory are read together.
    constexpr std::size_t together = 4;
    bool const is_shared = of.workers > 1 && all >= enough_to_share;
    std::size_t const part = is_shared ? together : of.channels;
    detail::parallel_for((of.channels + part - 1) / part, of.workers, [&](std::size_t piece, std::size_t) {
        std::size_t const end = std::min(of.channels, (piece + 1) * part);
        for (std::size_t n = 0; n < of.batch; ++n)
            for (std::size_t c = piece * part; c < end; ++c)
                visit(c, (n * of.channels + c) * of.plane);
    });
}

/// Adds `sum(channel, offset of its plane)` of every image to the sums of the channels.
template <class Sum>
void add_planes(batch_norm2d_parameters const& of, double* sums, Sum const& sum) noexcept {
    for_each_channel(of, [&](std::size_t c, std::size_t at) { sums[c] += static_cast<double>(sum(c, at)); });
}

/// Measures mean, biased variance (as its inverse deviation) and unbiased variance of each channel over batch and plane.
/// The mean is written to two places. `sums` has room for one number a channel.
template <class T>
void batch_norm2d_measure(cpu, batch_norm2d_parameters const& of, T const* x,
                          batch_norm2d_measured<T> const& to, T* mean, T* unbiased_variance,
                          double* sums) noexcept {
    auto const count = static_cast<double>(of.batch * of.plane);
    std::fill_n(sums, of.channels, 0.0);
    add_planes(of, sums, [&](std::size_t, std::size_t at) {
        return sum_of_plane<T>(of.plane,
                               [from = x + at](std::size_t i, auto form) { return read(from + i, form); });
    });
    for (std::size_t c = 0; c < of.channels; ++c)
        mean[c] = to.mean[c] = static_cast<T>(sums[c] / count);
    std::fill_n(sums, of.channels, 0.0);
    add_planes(of, sums, [&](std::size_t c, std::size_t at) {
        return sum_of_plane<T>(of.plane, [from = x + at, mean = to.mean[c]](std::size_t i, auto form) {
            auto const distance = read(from + i, form) - mean;
            return distance * distance;
        });
    });
    for (std::size_t c = 0; c < of.channels; ++c) {
        to.inverse[c] = static_cast<T>(1 / std::sqrt(sums[c] / count + of.eps));
        unbiased_variance[c] = static_cast<T>(sums[c] / (count - 1));
    }
}

/// y = (x − mean)·inverse·weight + bias, with what was measured; weight and bias may be null.
template <class T>
void batch_norm2d_training(cpu, batch_norm2d_parameters const& of, batch_norm2d_measured<T> const& measured,
                           T const* weight, T const* bias, T const* x, T* y) noexcept {
    for_each_channel(of, [&](std::size_t c, std::size_t at) {
        T const mean = measured.mean[c];
        T const scale = weight == nullptr ? measured.inverse[c] : measured.inverse[c] * weight[c];
        T const shift = bias == nullptr ? T{0} : bias[c];
        T const* const from = x + at;
        T* const to = y + at;
        for (std::size_t i = 0; i < of.plane; ++i)
            to[i] = detail::multiply_add(from[i] - mean, scale, shift);
    });
}

/// The means over batch and plane that backward needs, and the gradients of weight and bias, which may be null.
/// `sums` has room for two numbers a channel.
template <class T>
void batch_norm2d_training_sums(cpu, batch_norm2d_parameters const& of, T const* x, T const* grad_y,
                                batch_norm2d_measured<T> const& measured, T* grad_weight, T* grad_bias,
                                double* sums) noexcept {
    auto const count = static_cast<double>(of.batch * of.plane);
    double* const products = sums + of.channels;
    std::fill_n(sums, 2 * of.channels, 0.0);
    add_planes(of, sums, [&](std::size_t, std::size_t at) {
        return sum_of_plane<T>(
            of.plane, [from = grad_y + at](std::size_t i, auto form) { return read(from + i, form); });
    });
    add_planes(of, products, [&](std::size_t c, std::size_t at) {
        return sum_of_plane<T>(of.plane, [from = x + at, gradient = grad_y + at,
                                          mean = measured.mean[c]](std::size_t i, auto form) {
            return (read(from + i, form) - mean) * read(gradient + i, form);
        });
    });
    for (std::size_t c = 0; c < of.channels; ++c) {
        double const weighted = products[c] * static_cast<double>(measured.inverse[c]);
        measured.mean_gradient[c] = static_cast<T>(sums[c] / count);
        measured.share[c] = static_cast<T>(weighted / count);
        if (grad_weight != nullptr)
            grad_weight[c] = static_cast<T>(weighted);
        if (grad_bias != nullptr)
            grad_bias[c] = static_cast<T>(sums[c]);
    }
}

/// grad_x = inverse·weight·(grad_y − mean_gradient − (x − mean)·inverse·share); grad_x may be grad_y. weight may be null.
template <class T>
void batch_norm2d_training_backward(cpu, batch_norm2d_parameters const& of,
                                    batch_norm2d_measured<T> const& measured, T const* weight, T const* x,
                                    T const* grad_y, T* grad_x) noexcept {
    for_each_channel(of, [&](std::size_t c, std::size_t at) {
        T const mean = measured.mean[c];
        T const mean_gradient = measured.mean_gradient[c];
        T const share = measured.inverse[c] * measured.share[c];
        T const scale = weight == nullptr ? measured.inverse[c] : measured.inverse[c] * weight[c];
        T const* const from = x + at;
        T const* const slopes = grad_y + at;
        T* const to = grad_x + at;
        for (std::size_t i = 0; i < of.plane; ++i)
            to[i] = scale * detail::multiply_add(mean - from[i], share, slopes[i] - mean_gradient);
    });
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
