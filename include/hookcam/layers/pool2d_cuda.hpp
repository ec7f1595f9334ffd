#pragma once

#include "../cuda/fast_divisor.hpp"
#include "../cuda/kernel.hpp"
#include "pool2d_parameters.hpp"

#include <cstddef>

namespace hookcam::kernels {

/// A window that slides along an axis, for a kernel.
struct cuda_window {
    int size;
    int stride;
    int dilation;
    int before;
    int after;

    cuda_window() = default;
    explicit cuda_window(window const& of)
        : size{static_cast<int>(detail::narrow(of.kernel))},
          stride{static_cast<int>(detail::narrow(of.stride))},
          dilation{static_cast<int>(detail::narrow(of.dilation))},
          before{static_cast<int>(detail::narrow(of.before))},
          after{static_cast<int>(detail::narrow(of.after))} {}

    /// The length that one window covers.
    [[nodiscard]] HOOKCAM_DEVICE int span() const { return dilation * (size - 1) + 1; }
    /// The first window that reaches an element.
    [[nodiscard]] HOOKCAM_DEVICE int first_over(int element) const {
        int const behind = element + before - span() + 1; // where the earliest begins
        return behind <= 0 ? 0 : (behind + stride - 1) / stride;
    }
    /// The last that begins at an element or before it, of `count`.
    [[nodiscard]] HOOKCAM_DEVICE int last_over(int element, int count) const {
        int const last = (element + before) / stride;
        return last < count ? last : count - 1;
    }
};

/// The elements of an axis that a window sees, every `dilation`-th from `begin`, below `end`.
struct cuda_range {
    int begin;
    int end;
};

[[nodiscard]] HOOKCAM_DEVICE inline cuda_range range_of(cuda_window const& of, int index, int input) {
    int begin = index * of.stride - of.before;
    int end = begin + of.span();
    if (begin < 0)
        begin += (-begin + of.dilation - 1) / of.dilation * of.dilation;
    if (end > input)
        end = input;
    return {begin, begin < end ? end : begin};
}

/// The sizes of a pooling, for a kernel.
struct pool2d_cuda_sizes {
    int in_height;
    int in_width;
    int out_height;
    int out_width;
    detail::fast_divisor by_in_plane;
    detail::fast_divisor by_in_width;
    detail::fast_divisor by_out_plane;
    detail::fast_divisor by_out_width;

    pool2d_cuda_sizes() = default;
    explicit pool2d_cuda_sizes(pool2d_sizes const& of)
        : in_height{static_cast<int>(detail::narrow(of.in_height))},
          in_width{static_cast<int>(detail::narrow(of.in_width))},
          out_height{static_cast<int>(detail::narrow(of.out_height))},
          out_width{static_cast<int>(detail::narrow(of.out_width))},
          by_in_plane{of.in_plane()},
          by_in_width{of.in_width},
          by_out_plane{of.out_plane()},
          by_out_width{of.out_width} {
        static_cast<void>(detail::narrow(of.planes * of.in_plane()));
        static_cast<void>(detail::narrow(of.planes * of.out_plane()));
    }
};

/// A pixel of a plane.
struct cuda_pixel {
    unsigned plane;
    int row;
    int column;
};

[[nodiscard]] HOOKCAM_DEVICE inline cuda_pixel
cuda_pixel_of(std::size_t index, detail::fast_divisor const& by_plane, detail::fast_divisor const& by_width) {
    auto const i = static_cast<unsigned>(index);
    unsigned const plane = by_plane.quotient(i);
    unsigned const pixel = i - plane * by_plane.divisor;
    unsigned const row = by_width.quotient(pixel);
    return {plane, static_cast<int>(row), static_cast<int>(pixel - row * by_width.divisor)};
}

} // namespace hookcam::kernels
