#pragma once

#include <cstddef>

namespace hookcam::kernels {

/// What the kernels of a batch norm must know beside their pointers. Images lie in memory as N,C,plane.
struct batch_norm2d_parameters {
    std::size_t batch = 0;
    std::size_t channels = 0;
    std::size_t plane = 0;
    double eps = 0;
    std::size_t workers = 1; ///< threads that may share the work of a batch in training
};

/// What a batch norm keeps for each channel. weight and bias may be null: one and zero.
template <class T>
struct batch_norm2d_tensors {
    T const* weight = nullptr;
    T const* bias = nullptr;
    T const* mean = nullptr;
    T const* variance = nullptr;
};

/// What a batch norm in training knows of each channel of a batch.
template <class T>
struct batch_norm2d_measured {
    T* mean = nullptr;
    T* inverse = nullptr;       ///< 1 / sqrt(biased variance + eps)
    T* mean_gradient = nullptr; ///< the mean of grad_y
    T* share = nullptr;         ///< the mean of grad_y·(x − mean)·inverse
};

} // namespace hookcam::kernels
