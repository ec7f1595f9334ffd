#pragma once

#include "../max_pool2d/max_pool2d_reference.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

namespace hookcam::reference {

/// y = (Σ |x|^norm)^(1/norm) over what each window sees.
template <class T>
void lp_pool2d(kernels::pool2d_parameters const& of, double norm, T const* x, T* y) {
    std::vector<double> sums(of.planes * of.out_plane());
    for_each_seen(of, [&](std::size_t at_x, std::size_t at_y) {
        sums[at_y] += std::pow(std::abs(static_cast<double>(x[at_x])), norm);
    });
    for (std::size_t i = 0; i < sums.size(); ++i)
        y[i] = static_cast<T>(std::pow(sums[i], 1 / norm));
}

/// ∂y/∂x = x·|x|^(norm − 2)·y^(1 − norm). For inputs without zeros.
template <class T>
void lp_pool2d_backward(kernels::pool2d_parameters const& of, double norm, T const* x, T const* y,
                        T const* grad_y, T* grad_x) {
    for (std::size_t i = 0; i < of.planes * of.in_plane(); ++i)
        grad_x[i] = T{0};
    for_each_seen(of, [&](std::size_t at_x, std::size_t at_y) {
        auto const slope = x[at_x] * std::pow(std::abs(x[at_x]), norm - 2) * std::pow(y[at_y], 1 - norm);
        grad_x[at_x] += grad_y[at_y] * static_cast<T>(slope);
    });
}

} // namespace hookcam::reference
