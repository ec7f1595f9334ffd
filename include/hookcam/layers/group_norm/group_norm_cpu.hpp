#pragma once

#include "../../core/instruction_set.hpp"
#include "../../tensor/device.hpp"
#include "group_norm_parameters.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// What makes an element of a group normal: (x − mean)·inverse.
template <class T>
struct centre_and_scale {
    T mean;
    T inverse;
};

/// The mean of a group and 1 / sqrt(its biased variance + eps). Summed in double: a group may be a whole image.
template <class T>
[[nodiscard]] centre_and_scale<T> measure_group(group_norm_parameters const& of, T const* x) noexcept {
    std::size_t const size = of.group_size();
    auto const count = static_cast<double>(size);
    double sum = 0;
    for (std::size_t i = 0; i < size; ++i)
        sum += static_cast<double>(x[i]);
    double const mean = sum / count;
    double squares = 0;
    for (std::size_t i = 0; i < size; ++i) {
        double const distance = static_cast<double>(x[i]) - mean;
        squares += distance * distance;
    }
    return {static_cast<T>(mean), static_cast<T>(1 / std::sqrt(squares / count + of.eps))};
}

/// y = (x − mean)·inverse·weight + bias, with one weight and one bias a channel; y may be x. weight and bias
/// may be null: one and zero. Where `inverses` is not null it gets the inverse of each group of each image.
template <class T>
void group_norm(cpu, group_norm_parameters const& of, T const* weight, T const* bias, T const* x, T* y,
                T* inverses) noexcept {
    for (std::size_t group = 0; group < of.batch * of.groups; ++group) {
        auto const [mean, inverse] = measure_group(of, x);
        if (inverses != nullptr)
            inverses[group] = inverse;
        std::size_t const first = group % of.groups * of.group_channels();
        for (std::size_t c = first; c < first + of.group_channels(); ++c, x += of.plane, y += of.plane) {
            T const scale = weight == nullptr ? inverse : inverse * weight[c];
            T const shift = bias == nullptr ? T{0} : bias[c];
            for (std::size_t i = 0; i < of.plane; ++i)
                y[i] = (x[i] - mean) * scale + shift;
        }
    }
}

/// The gradient of one group's input, with h = grad_y·weight and the normal elements n = (x − mean)·inverse:
/// grad_x = scale·(h − mean of h − n·(mean of h·n)).
template <class T>
void group_norm_backward_group(group_norm_parameters const& of, T const* weight,
                               centre_and_scale<T> const& normal, T scale, T const* x, T const* grad_y,
                               T* grad_x) noexcept {
    double sum = 0;
    double products = 0;
    std::size_t at = 0;
    for (std::size_t c = 0; c < of.group_channels(); ++c) {
        T const w = weight == nullptr ? T{1} : weight[c];
        for (std::size_t i = 0; i < of.plane; ++i, ++at) {
            auto const h = static_cast<double>(grad_y[at] * w);
            sum += h;
            products += h * static_cast<double>((x[at] - normal.mean) * normal.inverse);
        }
    }
    auto const count = static_cast<double>(of.group_size());
    auto const mean = static_cast<T>(sum / count);
    auto const share = static_cast<T>(products / count);
    at = 0;
    for (std::size_t c = 0; c < of.group_channels(); ++c) {
        T const w = weight == nullptr ? T{1} : weight[c];
        for (std::size_t i = 0; i < of.plane; ++i, ++at)
            grad_x[at] = scale * (grad_y[at] * w - mean - (x[at] - normal.mean) * normal.inverse * share);
    }
}

/// The gradient of the input, from the input. weight may be null.
template <class T>
void group_norm_backward(cpu, group_norm_parameters const& of, T const* weight, T const* x, T const* grad_y,
                         T* grad_x) noexcept {
    for (std::size_t group = 0; group < of.batch * of.groups; ++group) {
        std::size_t const first = group % of.groups * of.group_channels();
        std::size_t const at = group * of.group_size();
        auto const normal = measure_group(of, x + at);
        group_norm_backward_group(of, weight == nullptr ? nullptr : weight + first, normal, normal.inverse,
                                  x + at, grad_y + at, grad_x + at);
    }
}

/// The same without weight and bias, from the output, whose elements are the normal ones, and the inverses.
template <class T>
void group_norm_backward_from_output(cpu, group_norm_parameters const& of, T const* inverses, T const* y,
                                     T const* grad_y, T* grad_x) noexcept {
    for (std::size_t group = 0; group < of.batch * of.groups; ++group) {
        std::size_t const at = group * of.group_size();
        group_norm_backward_group<T>(of, nullptr, {T{0}, T{1}}, inverses[group], y + at, grad_y + at,
                                     grad_x + at);
    }
}

/// grad_weight = Σ grad_y·(x − mean)·inverse and grad_bias = Σ grad_y over batch and plane. grad_bias may be
/// null.
template <class T>
void group_norm_backward_parameters(cpu, group_norm_parameters const& of, T const* x, T const* grad_y,
                                    T* grad_weight, T* grad_bias, T*) noexcept {
    std::fill_n(grad_weight, of.channels, T{0});
    if (grad_bias != nullptr)
        std::fill_n(grad_bias, of.channels, T{0});
    for (std::size_t group = 0; group < of.batch * of.groups; ++group) {
        auto const [mean, inverse] = measure_group(of, x);
        std::size_t const first = group % of.groups * of.group_channels();
        for (std::size_t c = first; c < first + of.group_channels(); ++c, x += of.plane, grad_y += of.plane) {
            T weighted{0};
            T sum{0};
            for (std::size_t i = 0; i < of.plane; ++i) {
                weighted += grad_y[i] * (x[i] - mean);
                sum += grad_y[i];
            }
            grad_weight[c] += weighted * inverse;
            if (grad_bias != nullptr)
                grad_bias[c] += sum;
        }
    }
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
