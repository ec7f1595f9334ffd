#pragma once

#include "../core/instruction_set.hpp"
#include "../tensor/blocked.hpp"
#include "../tensor/device.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// to = a + b.
template <class T>
void add(cpu, std::size_t size, T const* a, T const* b, T* to) noexcept {
    for (std::size_t i = 0; i < size; ++i)
        to[i] = a[i] + b[i];
}

/// to = a + b, or its positive part, or that up to `largest`, over blocked images.
template <class T>
void blocked_sum(detail::blocked_layout const& a_layout, detail::blocked_layout const& b_layout,
                 detail::blocked_layout const& layout, std::size_t batch, bool rectifies, T largest,
                 T const* a, T const* b, T* to) noexcept {
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
                    out[j] = out[j] < T{0} ? T{0} : largest < out[j] ? largest : out[j];
            }
}

/// Copies `length` elements of each image; the strides are those from image to image.
template <class T>
void copy_part(cpu, std::size_t batch, std::size_t length, T const* from, std::size_t from_stride, T* to,
               std::size_t to_stride) noexcept {
    for (std::size_t n = 0; n < batch; ++n)
        std::copy_n(from + n * from_stride, length, to + n * to_stride);
}

/// to = a, over blocked images of one size.
template <class T>
void copy_blocks(cpu, std::size_t batch, detail::blocked_layout const& from_layout, T const* from,
                 detail::blocked_layout const& to_layout, T* to) noexcept {
    detail::for_each_row_of_both(from_layout, to_layout, batch, from, to, [&](T const* a, T* b, std::size_t) {
        std::copy_n(a, to_layout.width * to_layout.block, b);
    });
}

/// to = a · b over blocked images, where b may have one number for each channel.
template <class T>
void multiply_blocked(cpu, std::size_t batch, detail::blocked_layout const& a_layout, T const* a,
                      detail::blocked_layout const& b_layout, T const* b,
                      detail::blocked_layout const& to_layout, T* to) noexcept {
    constexpr std::size_t lanes = detail::width<T>;
    // One number for each channel is one pixel that all share.
    bool const is_shared = b_layout.height != a_layout.height || b_layout.width != a_layout.width;
    std::size_t const b_row = is_shared ? 0 : b_layout.row();
    std::size_t const b_pixel = is_shared ? 0 : lanes;
    for (std::size_t n = 0; n < batch; ++n)
        for (std::size_t block = 0; block < to_layout.blocks(); ++block) {
            auto const plane = [&](detail::blocked_layout const& of) {
                return n * of.image() + block * of.plane() + of.first();
            };
            for (std::size_t i = 0; i < to_layout.height; ++i) {
                T const* const x = a + plane(a_layout) + i * a_layout.row();
                T const* const y = b + plane(b_layout) + i * b_row;
                T* const out = to + plane(to_layout) + i * to_layout.row();
                for (std::size_t j = 0; j < to_layout.width; ++j)
                    detail::store(out + j * lanes,
                                  detail::load(x + j * lanes) * detail::load(y + j * b_pixel));
            }
        }
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

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
