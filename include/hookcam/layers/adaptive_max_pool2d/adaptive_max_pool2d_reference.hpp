#pragma once

#include "../adaptive_avg_pool2d/adaptive_avg_pool2d_reference.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace hookcam::reference {

/// y = the largest element of each part; NaN is larger than all.
template <class T>
void adaptive_max_pool2d(kernels::pool2d_sizes const& of, T const* x, T* y) {
    for (std::size_t i = 0; i < of.planes * of.out_plane(); ++i)
        y[i] = -std::numeric_limits<T>::infinity();
    for_each_in_part(of, [&](std::size_t at_x, std::size_t at_y, std::size_t) {
        if (x[at_x] > y[at_y] || std::isnan(x[at_x]))
            y[at_y] = x[at_x];
    });
}

/// Each gradient goes to the first element that equals its part's largest. For inputs without NaN.
template <class T>
void adaptive_max_pool2d_backward(kernels::pool2d_sizes const& of, T const* x, T const* y, T const* grad_y,
                                  T* grad_x) {
    for (std::size_t i = 0; i < of.planes * of.in_plane(); ++i)
        grad_x[i] = T{0};
    std::vector<bool> is_given(of.planes * of.out_plane());
    for_each_in_part(of, [&](std::size_t at_x, std::size_t at_y, std::size_t) {
        if (is_given[at_y] || x[at_x] != y[at_y])
            return;
        grad_x[at_x] += grad_y[at_y];
        is_given[at_y] = true;
    });
}

} // namespace hookcam::reference
