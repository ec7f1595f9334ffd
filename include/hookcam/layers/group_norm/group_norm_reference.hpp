#pragma once

#include "group_norm_parameters.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

namespace hookcam::reference {

/// (x − mean) / sqrt(variance + eps) for every element, and that root.
template <class T>
struct normalized_groups {
    std::vector<T> elements;
    std::vector<T> deviations;
};

template <class T>
normalized_groups<T> normalize_groups(kernels::group_norm_parameters const& of, T const* x) {
    std::size_t const count = of.batch * of.channels * of.plane;
    std::size_t const size = of.channels / of.groups * of.plane;
    normalized_groups<T> result{std::vector<T>(count), std::vector<T>(count)};
    for (std::size_t i = 0; i < count; ++i) {
        T const* const group = x + i / size * size;
        T mean{0};
        for (std::size_t k = 0; k < size; ++k)
            mean += group[k] / static_cast<T>(size);
        T variance{0};
        for (std::size_t k = 0; k < size; ++k)
            variance += (group[k] - mean) * (group[k] - mean) / static_cast<T>(size);
        result.deviations[i] = std::sqrt(variance + static_cast<T>(of.eps));
        result.elements[i] = (x[i] - mean) / result.deviations[i];
    }
    return result;
}

/// y = normalized·weight + bias; both may be null.
template <class T>
void group_norm(kernels::group_norm_parameters const& of, T const* weight, T const* bias, T const* x, T* y) {
    auto const normal = normalize_groups(of, x);
    for (std::size_t i = 0; i < normal.elements.size(); ++i) {
        std::size_t const channel = i / of.plane % of.channels;
        y[i] = normal.elements[i] * (weight == nullptr ? T{1} : weight[channel]) +
               (bias == nullptr ? T{0} : bias[channel]);
    }
}

/// grad_x[i] = Σ_k grad_y[k]·weight·∂n[k]/∂x[i] over the group, with
/// ∂n[k]/∂x[i] = ((k = i) − (1 + n[k]·n[i]) / size) / deviation.
template <class T>
void group_norm_backward(kernels::group_norm_parameters const& of, T const* weight, T const* x,
                         T const* grad_y, T* grad_x) {
    auto const normal = normalize_groups(of, x);
    std::size_t const size = of.channels / of.groups * of.plane;
    for (std::size_t i = 0; i < normal.elements.size(); ++i) {
        grad_x[i] = T{0};
        for (std::size_t k = i / size * size; k < i / size * size + size; ++k) {
            T const w = weight == nullptr ? T{1} : weight[k / of.plane % of.channels];
            T const slope =
                T(k == i) - (T{1} + normal.elements[k] * normal.elements[i]) / static_cast<T>(size);
            grad_x[i] += grad_y[k] * w * slope / normal.deviations[i];
        }
    }
}

/// grad_weight = Σ grad_y·normalized, grad_bias = Σ grad_y, which may be null.
template <class T>
void group_norm_backward_parameters(kernels::group_norm_parameters const& of, T const* x, T const* grad_y,
                                    T* grad_weight, T* grad_bias) {
    auto const normal = normalize_groups(of, x);
    for (std::size_t c = 0; c < of.channels; ++c) {
        grad_weight[c] = T{0};
        if (grad_bias != nullptr)
            grad_bias[c] = T{0};
    }
    for (std::size_t i = 0; i < normal.elements.size(); ++i) {
        std::size_t const channel = i / of.plane % of.channels;
        grad_weight[channel] += grad_y[i] * normal.elements[i];
        if (grad_bias != nullptr)
            grad_bias[channel] += grad_y[i];
    }
}

} // namespace hookcam::reference
