#pragma once

#include "../../cuda/kernel.hpp"
#include "../../cuda/product.hpp"
#include "../../cuda/sum_ending.hpp"
#include "../../tensor/device.hpp"

#include <cstddef>

namespace hookcam::kernels {

/// A matrix in memory, or what lies there transposed.
struct linear_matrix {
    float const* data;
    std::size_t row;    ///< from one row to the next
    std::size_t column; ///< from one column to the next

    [[nodiscard]] HOOKCAM_DEVICE float at(unsigned i, unsigned j) const { return data[i * row + j * column]; }
};

/// The product of two matrices, with a number for each column added, rectified where that is on. `TermsFirst` says in which of the two neighbours in
/// memory are neighbouring terms.
template <bool TermsFirstA, bool TermsFirstB>
struct linear_product {
    static constexpr char const* name = "linear";
    static constexpr bool terms_first_a = TermsFirstA;
    static constexpr bool terms_first_b = TermsFirstB;

    product_sizes sizes;
    linear_matrix left;
    linear_matrix right;
    float const* bias;
    float* to;
    rectification rectifier{};

    using column = unsigned;

    [[nodiscard]] HOOKCAM_DEVICE unsigned part_of(unsigned) const { return 0; }
    [[nodiscard]] HOOKCAM_DEVICE column column_at(unsigned, unsigned n) const { return n; }
    [[nodiscard]] HOOKCAM_DEVICE float a(unsigned, unsigned m, unsigned k) const { return left.at(m, k); }
    [[nodiscard]] HOOKCAM_DEVICE float b(unsigned, unsigned k, column n) const { return right.at(k, n); }
    HOOKCAM_DEVICE void store(unsigned, unsigned m, unsigned n, float sum) const {
        float const value = bias == nullptr ? sum : sum + bias[n];
        to[std::size_t{m} * sizes.columns + n] = rectifier.of(value);
    }
};

/// One output of one vector: a block reads a row of weights.
struct linear_row {
    static constexpr char const* name = "linear_row";
    static constexpr unsigned threads = 128;
    struct shared {
        float values[threads];
    };

    unsigned in;
    unsigned out;
    float const* x;
    float const* weight;
    float const* bias;
    float* y;
    rectification rectifier;

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        auto& own = block.shared();
        float const* const row = weight + std::size_t{block.x} * in;
        float const* const vector = x + std::size_t{block.y} * in;
        block.each([&](unsigned thread) {
            float sum = 0.0f;
            for (unsigned i = thread; i < in; i += threads)
                sum += row[i] * vector[i];
            own.values[thread] = sum;
        });
        reduce(block, threads, own.values, [](float a, float b) { return a + b; });
        block.last([&](unsigned thread) {
            if (thread != 0)
                return;
            float const value = bias == nullptr ? own.values[0] : own.values[0] + bias[block.x];
            y[std::size_t{block.y} * out + block.x] = rectifier.of(value);
        });
    }
};

/// The gradient of one input of one vector: neighbours read neighbouring weights.
struct linear_backward_row {
    static constexpr char const* name = "linear_backward_row";
    static constexpr unsigned inputs = 32; ///< of a block
    static constexpr unsigned shares = 8;  ///< of the outputs, each summed by itself
    static constexpr unsigned threads = inputs * shares;
    struct shared {
        float values[shares][inputs];
    };

    unsigned in;
    unsigned out;
    float const* grad_y;
    float const* weight;
    float* grad_x;

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        auto& own = block.shared();
        float const* const vector = grad_y + std::size_t{block.y} * out;
        block.each([&](unsigned thread) {
            unsigned const i = block.x * inputs + thread % inputs;
            float sum = 0.0f;
            for (unsigned o = thread / inputs; i < in && o < out; o += shares)
                sum += vector[o] * weight[std::size_t{o} * in + i];
            own.values[thread / inputs][thread % inputs] = sum;
        });
        block.last([&](unsigned thread) {
            unsigned const i = block.x * inputs + thread;
            if (thread >= inputs || i >= in)
                return;
            float sum = 0.0f;
            for (unsigned share = 0; share < shares; ++share)
                sum += own.values[share][thread];
            grad_x[std::size_t{block.y} * in + i] = sum;
        });
    }
};

/// The sum of a column.
struct column_sum_element {
    static constexpr char const* name = "column_sum";
    float const* matrix;
    float* sums;
    unsigned rows;
    unsigned columns;

    HOOKCAM_DEVICE void operator()(std::size_t i) const {
        float sum = 0.0f;
        for (unsigned row = 0; row < rows; ++row)
            sum += matrix[std::size_t{row} * columns + i];
        sums[i] = sum;
    }
};

/// So few vectors are not worth a tile of a matrix product.
inline constexpr std::size_t linear_few = 8;

/// y = x·Wᵀ + b for `batch` vectors, rectified where the ending says so (it can do no more); bias may be null.
template <detail::a_gpu Device>
void linear(Device const& on, std::size_t, std::size_t batch, std::size_t in, std::size_t out, float const* x,
            float const* weight, float const* bias, float* y, sum_ending const& ending = {}) {
    if (batch <= linear_few) {
        on.launch(kernel_grid{out, batch},
                  linear_row{detail::narrow(in), detail::narrow(out), x, weight, bias, y, ending.rectifier});
        return;
    }
    product_sizes const sizes{detail::narrow(batch), detail::narrow(out), detail::narrow(in),
                              detail::narrow(in)};
    product(on, linear_product<true, true>{sizes, {x, in, 1}, {weight, 1, in}, bias, y, ending.rectifier}, 1);
}

/// grad_x = grad_y·W.
template <detail::a_gpu Device>
void linear_backward(Device const& on, std::size_t, std::size_t batch, std::size_t in, std::size_t out,
                     float const* grad_y, float const* weight, float* grad_x) {
    if (batch <= linear_few) {
        on.launch(kernel_grid{detail::parts_of(in, linear_backward_row::inputs), batch},
                  linear_backward_row{detail::narrow(in), detail::narrow(out), grad_y, weight, grad_x});
        return;
    }
    product_sizes const sizes{detail::narrow(batch), detail::narrow(in), detail::narrow(out),
                              detail::narrow(out)};
    product(on, linear_product<true, false>{sizes, {grad_y, out, 1}, {weight, in, 1}, nullptr, grad_x}, 1);
}

/// grad_weight = grad_yᵀ·x, and grad_bias = the sums of grad_y over the batch; that may be null.
template <detail::a_gpu Device>
void linear_backward_parameters(Device const& on, std::size_t, std::size_t batch, std::size_t in,
                                std::size_t out, float const* x, float const* grad_y, float* grad_weight,
                                float* grad_bias) {
    product_sizes const sizes{detail::narrow(out), detail::narrow(in), detail::narrow(batch),
                              detail::narrow(batch)};
    product(on, linear_product<false, false>{sizes, {grad_y, 1, out}, {x, in, 1}, nullptr, grad_weight}, 1);
    if (grad_bias != nullptr)
        for_each_element(on, out,
                         column_sum_element{grad_y, grad_bias, detail::narrow(batch), detail::narrow(out)});
}

} // namespace hookcam::kernels
