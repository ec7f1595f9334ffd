#pragma once

#include "../../core/instruction_set.hpp"
#include "../../tensor/device.hpp"
#include "../../tensor/simd.hpp"
#include "../../tensor/sums.hpp"
#include "../multiply_add.hpp"
#include "batch_norm2d_parameters.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// What a batch norm makes of one channel: x·scale + shift.
template <class T>
struct scale_and_shift {
    T scale;
    T shift;
};

template <class T>
[[nodiscard]] T inverse_deviation(batch_norm2d_parameters const& of, T variance) noexcept {
    return T{1} / std::sqrt(variance + static_cast<T>(of.eps));
}

/// scale = weight / sqrt(variance + eps), shift = bias − mean·scale.
template <class T>
[[nodiscard]] scale_and_shift<T> normalization(batch_norm2d_parameters const& of,
                                               batch_norm2d_tensors<T> const& own,
                                               std::size_t channel) noexcept {
    T const weight = own.weight == nullptr ? T{1} : own.weight[channel];
    T const bias = own.bias == nullptr ? T{0} : own.bias[channel];
    T const scale = weight * inverse_deviation(of, own.variance[channel]);
    return {scale, detail::multiply_add(-own.mean[channel], scale, bias)};
}

/// y = x·scale + shift in each channel; y may be x.
template <class T>
void batch_norm2d(cpu, batch_norm2d_parameters const& of, batch_norm2d_tensors<T> const& own, T const* x,
                  T* y) noexcept {
    for (std::size_t n = 0; n < of.batch; ++n)
        for (std::size_t c = 0; c < of.channels; ++c, x += of.plane, y += of.plane) {
            auto const [scale, shift] = normalization(of, own, c);
            auto const scales = detail::broadcast(scale);
            auto const shifts = detail::broadcast(shift);
            std::size_t i = 0;
            for (; i + detail::width<T> <= of.plane; i += detail::width<T>)
                detail::store(y + i, detail::multiply_add_all<T>(detail::load(x + i), scales, shifts));
            for (; i < of.plane; ++i)
                y[i] = detail::multiply_add(x[i], scale, shift);
        }
}

/// grad_x = grad_y·scale; grad_x may be grad_y.
template <class T>
void batch_norm2d_backward(cpu, batch_norm2d_parameters const& of, batch_norm2d_tensors<T> const& own,
                           T const* grad_y, T* grad_x) noexcept {
    for (std::size_t n = 0; n < of.batch; ++n)
        for (std::size_t c = 0; c < of.channels; ++c, grad_x += of.plane, grad_y += of.plane) {
            T const scale = normalization(of, own, c).scale;
            auto const scales = detail::broadcast(scale);
            std::size_t i = 0;
            for (; i + detail::width<T> <= of.plane; i += detail::width<T>)
                detail::store(grad_x + i, detail::load(grad_y + i) * scales);
            for (; i < of.plane; ++i)
                grad_x[i] = grad_y[i] * scale;
        }
}

/// grad_weight = Σ grad_y·(x − mean)/sqrt(variance + eps) and grad_bias = Σ grad_y over batch and plane.
template <class T>
void batch_norm2d_backward_parameters(cpu, batch_norm2d_parameters const& of,
                                      batch_norm2d_tensors<T> const& own, T const* x, T const* grad_y,
                                      T* grad_weight, T* grad_bias) noexcept {
    std::fill_n(grad_weight, of.channels, T{0});
    std::fill_n(grad_bias, of.channels, T{0});
    for (std::size_t n = 0; n < of.batch; ++n)
        for (std::size_t c = 0; c < of.channels; ++c, x += of.plane, grad_y += of.plane) {
            T const mean = own.mean[c];
            auto const means = detail::broadcast(mean);
            detail::vector<T> weighted_parts{};
            std::size_t i = 0;
            for (; i + detail::width<T> <= of.plane; i += detail::width<T>)
                weighted_parts = detail::multiply_add_all<T>(detail::load(grad_y + i),
                                                             detail::load(x + i) - means, weighted_parts);
            T weighted = detail::sum_of_lanes<T>(weighted_parts);
            for (; i < of.plane; ++i)
                weighted = detail::multiply_add(grad_y[i], x[i] - mean, weighted);
            T const sum = detail::total_of(grad_y, of.plane);
            grad_weight[c] += weighted * inverse_deviation(of, own.variance[c]);
            grad_bias[c] += sum;
        }
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
