#pragma once

#include "../../cuda/fast_divisor.hpp"
#include "../../cuda/kernel.hpp"
#include "../../cuda/product.hpp"
#include "../../cuda/sum_ending.hpp"
#include "../../tensor/device.hpp"
#include "conv2d_parameters.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::kernels {

// Convolutions as matrix products whose matrix of columns is never in memory (implicit GEMM): each product knows where in
// the image a term of a sum lies.

/// The sizes of a convolution, for a kernel.
struct conv2d_cuda_sizes {
    int in_height;
    int in_width;
    int out_height;
    int out_width;
    int row_stride;
    int column_stride;
    int row_dilation;
    int column_dilation;
    int rows_before;
    int columns_before;
    unsigned in_plane;
    unsigned out_plane;
    unsigned groups;
    unsigned group_in;
    unsigned group_out;
    unsigned terms; ///< channels of a group times elements of the window
    unsigned window_size;
    detail::fast_divisor by_window;
    detail::fast_divisor by_window_width;
    detail::fast_divisor by_in_plane;
    detail::fast_divisor by_in_width;
    detail::fast_divisor by_out_plane;
    detail::fast_divisor by_out_width;
    detail::fast_divisor by_row_stride;
    detail::fast_divisor by_column_stride;

    conv2d_cuda_sizes() = default;
    explicit conv2d_cuda_sizes(conv2d_parameters const& of)
        : in_height{signed_of(of.in_height)},
          in_width{signed_of(of.in_width)},
          out_height{signed_of(of.out_height)},
          out_width{signed_of(of.out_width)},
          row_stride{signed_of(of.rows.stride)},
          column_stride{signed_of(of.columns.stride)},
          row_dilation{signed_of(of.rows.dilation)},
          column_dilation{signed_of(of.columns.dilation)},
          rows_before{signed_of(of.rows.before)},
          columns_before{signed_of(of.columns.before)},
          in_plane{detail::narrow(of.in_plane())},
          out_plane{detail::narrow(of.out_plane())},
          groups{detail::narrow(of.groups)},
          group_in{detail::narrow(of.group_in())},
          group_out{detail::narrow(of.group_out())},
          terms{detail::narrow(of.terms())},
          window_size{detail::narrow(of.window_size())},
          by_window{of.window_size()},
          by_window_width{of.columns.kernel},
          by_in_plane{of.in_plane()},
          by_in_width{of.in_width},
          by_out_plane{of.out_plane()},
          by_out_width{of.out_width},
          by_row_stride{of.rows.stride},
          by_column_stride{of.columns.stride} {}

private:
    static int signed_of(std::size_t size) { return static_cast<int>(detail::narrow(size)); }
};

/// A channel of a group and an element of the window.
struct conv2d_term {
    unsigned channel;
    int row;
    int column;
};

[[nodiscard]] HOOKCAM_DEVICE inline conv2d_term conv2d_term_of(conv2d_cuda_sizes const& of, unsigned k) {
    unsigned const channel = of.by_window.quotient(k);
    unsigned const element = k - channel * of.window_size;
    unsigned const row = of.by_window_width.quotient(element);
    return {channel, static_cast<int>(row), static_cast<int>(element - row * of.by_window_width.divisor)};
}

/// y = x * weight + bias, and what is done to that: rows are output channels of a group, columns the pixels of all images.
struct conv2d_forward_product {
    static constexpr char const* name = "conv2d";
    static constexpr bool terms_first_a = true;
    static constexpr bool terms_first_b = false;

    product_sizes sizes;
    conv2d_cuda_sizes of;
    float const* x;
    float const* weight;
    float const* bias;
    float* y;
    sum_ending ending;

    /// Where the window of an output pixel begins.
    struct column {
        float const* image;
        int row;
        int column;
    };
    /// An output channel.
    struct row {
        unsigned index;
        sum_ending::channel channel;
    };

    [[nodiscard]] HOOKCAM_DEVICE row row_at(unsigned group, unsigned m) const {
        unsigned const index = group * of.group_out + m;
        return {index, ending.channel_at(index, bias)};
    }

    [[nodiscard]] HOOKCAM_DEVICE unsigned part_of(unsigned) const { return 0; }

    [[nodiscard]] HOOKCAM_DEVICE column column_at(unsigned group, unsigned n) const {
        unsigned const image = of.by_out_plane.quotient(n);
        unsigned const pixel = n - image * of.out_plane;
        unsigned const i = of.by_out_width.quotient(pixel);
        unsigned const j = pixel - i * of.by_out_width.divisor;
        std::size_t const channel = (std::size_t{image} * of.groups + group) * of.group_in;
        return {x + channel * of.in_plane, static_cast<int>(i) * of.row_stride - of.rows_before,
                static_cast<int>(j) * of.column_stride - of.columns_before};
    }

    [[nodiscard]] HOOKCAM_DEVICE float a(unsigned group, unsigned m, unsigned k) const {
        return weight[(std::size_t{group} * of.group_out + m) * of.terms + k];
    }

    [[nodiscard]] HOOKCAM_DEVICE float b(unsigned, unsigned k, column const& at) const {
        auto const term = conv2d_term_of(of, k);
        int const i = at.row + term.row * of.row_dilation;
        int const j = at.column + term.column * of.column_dilation;
        if (i < 0 || i >= of.in_height || j < 0 || j >= of.in_width)
            return 0.0f;
        return at.image[std::size_t{term.channel} * of.in_plane + static_cast<unsigned>(i * of.in_width + j)];
    }

    HOOKCAM_DEVICE void store(unsigned, row const& at, unsigned n, float sum) const {
        unsigned const image = of.by_out_plane.quotient(n);
        unsigned const pixel = n - image * of.out_plane;
        y[(std::size_t{image} * of.groups * of.group_out + at.index) * of.out_plane + pixel] =
            ending.end(sum, at.channel);
    }
};

/// The gradient of the input: rows are input channels of a group, columns the pixels of all images, and the terms the
/// output channels and elements of the window that have seen the pixel.
struct conv2d_backward_product {
    static constexpr char const* name = "conv2d_backward";
    static constexpr bool terms_first_a = true;
    static constexpr bool terms_first_b = false;

    product_sizes sizes;
    conv2d_cuda_sizes of;
    float const* grad_y;
    float const* weight;
    float* grad_x;

    /// Where an input pixel lies among the padded.
    struct column {
        float const* image;
        int row;
        int column;
    };

    [[nodiscard]] HOOKCAM_DEVICE unsigned part_of(unsigned) const { return 0; }

    [[nodiscard]] HOOKCAM_DEVICE column column_at(unsigned group, unsigned n) const {
        unsigned const image = of.by_in_plane.quotient(n);
        unsigned const pixel = n - image * of.in_plane;
        unsigned const i = of.by_in_width.quotient(pixel);
        unsigned const j = pixel - i * of.by_in_width.divisor;
        std::size_t const channel = (std::size_t{image} * of.groups + group) * of.group_out;
        return {grad_y + channel * of.out_plane, static_cast<int>(i) + of.rows_before,
                static_cast<int>(j) + of.columns_before};
    }

    /// The weight of output channel and element of the window k, at input channel m.
    [[nodiscard]] HOOKCAM_DEVICE float a(unsigned group, unsigned m, unsigned k) const {
        unsigned const channel = of.by_window.quotient(k);
        unsigned const element = k - channel * of.window_size;
        return weight[(std::size_t{group} * of.group_out + channel) * of.terms + m * of.window_size +
                      element];
    }

    [[nodiscard]] HOOKCAM_DEVICE float b(unsigned, unsigned k, column const& at) const {
        auto const term = conv2d_term_of(of, k);
        int const row = at.row - term.row * of.row_dilation;
        int const across = at.column - term.column * of.column_dilation;
        if (row < 0 || across < 0)
            return 0.0f;
        auto const i = static_cast<int>(of.by_row_stride.quotient(static_cast<unsigned>(row)));
        auto const j = static_cast<int>(of.by_column_stride.quotient(static_cast<unsigned>(across)));
        if (i * of.row_stride != row || j * of.column_stride != across || i >= of.out_height ||
            j >= of.out_width)
            return 0.0f;
        return at
            .image[std::size_t{term.channel} * of.out_plane + static_cast<unsigned>(i * of.out_width + j)];
    }

    HOOKCAM_DEVICE void store(unsigned group, unsigned m, unsigned n, float sum) const {
        unsigned const image = of.by_in_plane.quotient(n);
        unsigned const pixel = n - image * of.in_plane;
        unsigned const channel = group * of.group_in + m;
        grad_x[(std::size_t{image} * of.groups * of.group_in + channel) * of.in_plane + pixel] = sum;
    }
};

/// The gradient of the weights: rows are output channels of a group, columns its weights of one output channel, and the
/// terms the pixels of all images, in parts: block z sums part z / groups of group z % groups.
struct conv2d_weights_product {
    static constexpr char const* name = "conv2d_backward_parameters";
    static constexpr bool terms_first_a = true;
    static constexpr bool terms_first_b = true;

    product_sizes sizes;
    conv2d_cuda_sizes of;
    detail::fast_divisor by_groups;
    float const* x;
    float const* grad_y;
    float* grad_weight; ///< of each part

    using column = conv2d_term;

    [[nodiscard]] HOOKCAM_DEVICE unsigned part_of(unsigned z) const { return by_groups.quotient(z); }

    [[nodiscard]] HOOKCAM_DEVICE column column_at(unsigned, unsigned n) const {
        return conv2d_term_of(of, n);
    }

    [[nodiscard]] HOOKCAM_DEVICE float a(unsigned z, unsigned m, unsigned k) const {
        unsigned const group = by_groups.remainder(z);
        unsigned const image = of.by_out_plane.quotient(k);
        std::size_t const channel = (std::size_t{image} * of.groups + group) * of.group_out + m;
        return grad_y[channel * of.out_plane + (k - image * of.out_plane)];
    }

    [[nodiscard]] HOOKCAM_DEVICE float b(unsigned z, unsigned k, column const& term) const {
        unsigned const group = by_groups.remainder(z);
        unsigned const image = of.by_out_plane.quotient(k);
        unsigned const pixel = k - image * of.out_plane;
        unsigned const out_row = of.by_out_width.quotient(pixel);
        unsigned const out_column = pixel - out_row * of.by_out_width.divisor;
        int const i = static_cast<int>(out_row) * of.row_stride - of.rows_before + term.row * of.row_dilation;
        int const j = static_cast<int>(out_column) * of.column_stride - of.columns_before +
                      term.column * of.column_dilation;
        if (i < 0 || i >= of.in_height || j < 0 || j >= of.in_width)
            return 0.0f;
        std::size_t const channel = (std::size_t{image} * of.groups + group) * of.group_in + term.channel;
        return x[channel * of.in_plane + static_cast<unsigned>(i * of.in_width + j)];
    }

    HOOKCAM_DEVICE void store(unsigned z, unsigned m, unsigned n, float sum) const {
        unsigned const part = by_groups.quotient(z);
        unsigned const group = z - part * of.groups;
        std::size_t const channel = (std::size_t{part} * of.groups + group) * of.group_out + m;
        grad_weight[channel * of.terms + n] = sum;
    }
};

/// Adds up parts, the first one first: no result depends on which block was faster.
struct sum_of_parts_element {
    static constexpr char const* name = "sum_of_parts";
    float const* parts;
    float* sums;
    std::size_t size;
    unsigned count;

    HOOKCAM_DEVICE void operator()(std::size_t i) const {
        float sum = 0.0f;
        for (unsigned part = 0; part < count; ++part)
            sum += parts[part * size + i];
        sums[i] = sum;
    }
};

/// The sums of grad_y over the batch and each channel's plane: a block a channel.
struct channel_sums {
    static constexpr char const* name = "channel_sums";
    static constexpr unsigned threads = 256;
    struct shared {
        float values[threads];
    };

    float const* grad_y;
    float* sums;
    unsigned channels;
    unsigned plane;
    unsigned size; ///< of a channel in all images
    detail::fast_divisor by_plane;

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        auto& own = block.shared();
        block.each([&](unsigned thread) {
            float sum = 0.0f;
            for (unsigned i = thread; i < size; i += threads) {
                unsigned const image = by_plane.quotient(i);
                sum += grad_y[(std::size_t{image} * channels + block.x) * plane + (i - image * plane)];
            }
            own.values[thread] = sum;
        });
        reduce(block, threads, own.values, [](float a, float b) { return a + b; });
        block.last([&](unsigned thread) {
            if (thread == 0)
                sums[block.x] = own.values[0];
        });
    }
};

/// In how many parts the gradient of the weights is summed: enough to fill a GPU, a size of the shape alone.
[[nodiscard]] inline std::size_t conv2d_weight_parts(conv2d_parameters const& of) noexcept {
    std::size_t const terms = of.batch * of.out_plane();
    std::size_t const tiles =
        detail::parts_of(of.group_out(), 32) * detail::parts_of(of.terms(), 32) * of.groups;
    return std::max<std::size_t>(1, std::min({detail::parts_of(512, std::max<std::size_t>(1, tiles)),
                                              detail::parts_of(terms, 512), std::size_t{64}}));
}

/// Bytes of scratch memory that the three functions below need on a GPU.
[[nodiscard]] inline std::size_t conv2d_cuda_scratch(conv2d_parameters const& of) noexcept {
    std::size_t const parts = conv2d_weight_parts(of);
    return parts == 1 ? 0 : parts * of.out_channels * of.terms() * sizeof(float);
}

/// y = x * weight + bias, ended; bias may be null.
template <detail::a_gpu Device>
void conv2d(Device const& on, conv2d_parameters const& of, float const* x, float const* weight,
            float const* bias, float* y, float*, sum_ending const& ending = {}) {
    product_sizes const sizes{detail::narrow(of.group_out()), detail::narrow(of.batch * of.out_plane()),
                              detail::narrow(of.terms()), detail::narrow(of.terms())};
    product(on, conv2d_forward_product{sizes, conv2d_cuda_sizes{of}, x, weight, bias, y, ending}, of.groups);
}

/// The gradient of the input from that of the output.
template <detail::a_gpu Device>
void conv2d_backward(Device const& on, conv2d_parameters const& of, float const* grad_y, float const* weight,
                     float* grad_x, float*) {
    auto const terms = detail::narrow(of.group_out() * of.window_size());
    product_sizes const sizes{detail::narrow(of.group_in()), detail::narrow(of.batch * of.in_plane()), terms,
                              terms};
    product(on, conv2d_backward_product{sizes, conv2d_cuda_sizes{of}, grad_y, weight, grad_x}, of.groups);
}

/// The gradients of weight and bias, summed over the batch. grad_bias may be null.
template <detail::a_gpu Device>
void conv2d_backward_parameters(Device const& on, conv2d_parameters const& of, float const* x,
                                float const* grad_y, float* grad_weight, float* grad_bias, float* scratch) {
    std::size_t const parts = conv2d_weight_parts(of);
    std::size_t const terms = of.batch * of.out_plane();
    // Whole tiles of terms.
    std::size_t const of_a_part = detail::parts_of(detail::parts_of(terms, parts), 16) * 16;
    product_sizes const sizes{detail::narrow(of.group_out()), detail::narrow(of.terms()),
                              detail::narrow(terms), detail::narrow(of_a_part)};
    float* const to = parts == 1 ? grad_weight : scratch;
    product(
        on,
        conv2d_weights_product{sizes, conv2d_cuda_sizes{of}, detail::fast_divisor{of.groups}, x, grad_y, to},
        of.groups * parts);
    std::size_t const size = of.out_channels * of.terms();
    if (parts != 1)
        for_each_element(on, size, sum_of_parts_element{scratch, grad_weight, size, detail::narrow(parts)});
    if (grad_bias != nullptr)
        on.launch(kernel_grid{of.out_channels},
                  channel_sums{grad_y, grad_bias, detail::narrow(of.out_channels),
                               detail::narrow(of.out_plane()), detail::narrow(terms),
                               detail::fast_divisor{of.out_plane()}});
}

} // namespace hookcam::kernels
