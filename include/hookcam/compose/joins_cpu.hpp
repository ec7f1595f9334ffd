#pragma once

#include "../tensor/blocked.hpp"
#include "../tensor/device.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::kernels {

/// to = a + b.
template <class T>
void add(cpu, std::size_t size, T const* a, T const* b, T* to) noexcept {
    for (std::size_t i = 0; i < size; ++i)
        to[i] = a[i] + b[i];
}

/// to = a + b, or its positive part, over blocked images.
template <class T>
void blocked_sum(detail::blocked_layout const& a_layout, detail::blocked_layout const& b_layout,
                 detail::blocked_layout const& layout, std::size_t batch, bool rectifies, T const* a,
                 T const* b, T* to) noexcept {
    std::size_t const row = layout.width * layout.block;
    for (std::size_t n = 0; n < batch; ++n)
        for (std::size_t block = 0; block < layout.blocks(); ++block)
            for (std::size_t i = 0; i < layout.height; ++i) {
                auto const at = [&](detail::blocked_layout const& of) {
                    return n * of.image() + block * of.plane() + of.first() + i * of.row();
                };
                T const* const from_a = a + at(a_layout);
                T const* const from_b = b + at(b_layout);
                T* const out = to + at(layout);
                for (std::size_t j = 0; j < row; ++j)
                    out[j] = from_a[j] + from_b[j];
                for (std::size_t j = 0; rectifies && j < row; ++j)
                    out[j] = out[j] < T{0} ? T{0} : out[j];
            }
}

/// Copies `length` elements of each image; the strides are those from image to image.
template <class T>
void copy_part(cpu, std::size_t batch, std::size_t length, T const* from, std::size_t from_stride, T* to,
               std::size_t to_stride) noexcept {
    for (std::size_t n = 0; n < batch; ++n)
        std::copy_n(from + n * from_stride, length, to + n * to_stride);
}

/// to = a · b, where b has one element for each `share` of a.
template <class T>
void multiply(cpu, std::size_t size, std::size_t share, T const* a, T const* b, T* to) noexcept {
    for (std::size_t i = 0; i < size; ++i)
        to[i] = a[i] * b[i / share];
}

/// to = the sums of a · b over each `share` of elements: the gradient of the smaller factor.
template <class T>
void multiply_and_sum(cpu, std::size_t size, std::size_t share, T const* a, T const* b, T* to) noexcept {
    for (std::size_t i = 0; i < size; i += share) {
        T sum{0};
        for (std::size_t j = i; j < i + share; ++j)
            sum += a[j] * b[j];
        to[i / share] = sum;
    }
}

} // namespace hookcam::kernels
