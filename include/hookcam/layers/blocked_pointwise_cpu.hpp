#pragma once

#include "../tensor/blocked.hpp"
#include "../tensor/device.hpp"
#include "../tensor/simd.hpp"

#include <cstddef>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

// What is done to each number of images whose channels are blocked by a vector's width, and its backward. Every image
// has a border of its own.

/// y = max(x, 0); NaN passes.
template <class T>
void blocked_relu(cpu, detail::blocked_layout const& x_layout, detail::blocked_layout const& y_layout,
                  std::size_t batch, T const* x, T* y) noexcept {
    using namespace detail;
    for_each_place_in_both(x_layout, y_layout, batch,
                           [&](std::size_t from, std::size_t to, std::size_t length) {
                               for (std::size_t j = 0; j < length; j += width<T>) {
                                   auto const here = load(x + from + j);
                                   store(y + to + j, here < vector<T>{} ? vector<T>{} : here);
                               }
                           });
}

/// grad_x = 0 where y is 0, else grad_y: a NaN passes its gradient on. The gradients lie alike.
template <class T>
void blocked_relu_backward(cpu, detail::blocked_layout const& y_layout,
                           detail::blocked_layout const& gradient_layout, std::size_t batch, T const* y,
                           T const* grad_y, T* grad_x) noexcept {
    using namespace detail;
    for_each_place_in_both(
        y_layout, gradient_layout, batch, [&](std::size_t at, std::size_t gradient, std::size_t length) {
            for (std::size_t j = 0; j < length; j += width<T>)
                store(grad_x + gradient + j,
                      load(y + at + j) <= vector<T>{} ? vector<T>{} : load(grad_y + gradient + j));
        });
}

/// grad_x = grad_y times 1 where 0 < y < `largest` or y is NaN, times 0 elsewhere. The gradients lie alike.
template <class T>
void blocked_clamp_backward(cpu, T largest, detail::blocked_layout const& y_layout,
                            detail::blocked_layout const& gradient_layout, std::size_t batch, T const* y,
                            T const* grad_y, T* grad_x) noexcept {
    using namespace detail;
    vector<T> const zero{};
    auto const one = broadcast(T{1});
    auto const most = broadcast(largest);
    for_each_place_in_both(y_layout, gradient_layout, batch,
                           [&](std::size_t at, std::size_t gradient, std::size_t length) {
                               for (std::size_t j = 0; j < length; j += width<T>) {
                                   auto const here = load(y + at + j);
                                   auto const slope = here <= zero ? zero : here >= most ? zero : one;
                                   store(grad_x + gradient + j, load(grad_y + gradient + j) * slope);
                               }
                           });
}

/// grad_x = grad_y·scale of each channel. The gradients lie alike, without a border.
template <class T>
void blocked_scale_backward(cpu, detail::blocked_layout const& layout, std::size_t batch, T const* scale,
                            T const* grad_y, T* grad_x) noexcept {
    using namespace detail;
    for (std::size_t n = 0; n < batch; ++n)
        for (std::size_t block = 0; block < layout.blocks(); ++block) {
            auto const factor = load(scale + block * layout.block);
            for (std::size_t j = 0; j < layout.plane(); j += width<T>, grad_y += width<T>, grad_x += width<T>)
                store(grad_x, load(grad_y) * factor);
        }
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
