#pragma once

#include "../../tensor/device.hpp"
#include "../../tensor/simd.hpp"

#include <cstddef>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// y = max(x, 0); y may be x.
template <class T>
void relu(cpu, std::size_t size, T const* x, T* y) noexcept {
    // Written so that NaN passes: only what is below zero becomes zero.
    constexpr std::size_t lanes = detail::width<T>;
    std::size_t i = 0;
    for (; i + lanes <= size; i += lanes) {
        auto const here = detail::load(x + i);
        detail::store(y + i, here < detail::vector<T>{} ? detail::vector<T>{} : here);
    }
    for (; i < size; ++i)
        y[i] = x[i] < T{0} ? T{0} : x[i];
}

/// grad_x = 0 where y is 0, else grad_y: a NaN passes its gradient on, as in PyTorch.
template <class T>
void relu_backward(cpu, std::size_t size, T const* y, T const* grad_y, T* grad_x) noexcept {
    constexpr std::size_t lanes = detail::width<T>;
    std::size_t i = 0;
    for (; i + lanes <= size; i += lanes) {
        detail::vector<T> const none{};
        detail::store(grad_x + i, detail::load(y + i) <= none ? none : detail::load(grad_y + i));
    }
    for (; i < size; ++i)
        grad_x[i] = y[i] <= T{0} ? T{0} : grad_y[i];
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
