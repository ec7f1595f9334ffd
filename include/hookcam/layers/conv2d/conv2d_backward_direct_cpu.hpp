#pragma once

#include "../../core/threads.hpp"
#include "../../tensor/blocked.hpp"
#include "../../tensor/device.hpp"
#include "../../tensor/simd.hpp"
#include "conv2d_direct_cpu.hpp"
#include "conv2d_parameters.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

// The gradient of a convolution's input is a convolution of the gradient of its output, with the window turned around.
// Where the window moves by more than one, every so many inputs see the same elements of it: each such set of inputs is
// a convolution of its own, with those elements, moving by one.

/// Along one axis: the inputs that are a stride apart, and the windows over the output's gradient that make theirs.
struct backward_phase {
    std::size_t first = 0; ///< of the inputs
    std::size_t count = 0; ///< of the inputs
    window over;           ///< `before` may be below zero, and wraps then
    std::size_t first_tap =
        0; ///< of the convolution's window; the others follow at `tap_step`, and are seen in reverse
    std::size_t tap_step = 1;

    /// The element of the convolution's window that element `index` of these windows is.
    [[nodiscard]] constexpr std::size_t tap(std::size_t index) const noexcept {
        return first_tap + (over.kernel - 1 - index) * tap_step;
    }
};

/// The phase that begins at input `first`, of `w.stride` phases.
[[nodiscard]] constexpr backward_phase backward_phase_at(window const& w, std::size_t input,
                                                         std::size_t first) noexcept {
    backward_phase phase;
    phase.first = first;
    phase.count = first < input ? (input - first + w.stride - 1) / w.stride : 0;
    // Input i meets element k of window r where r·stride + k·dilation = i + before.
    std::size_t const position = first + w.before;
    phase.tap_step = w.stride / std::gcd(w.stride, w.dilation);
    std::size_t tap = 0;
    while (tap < w.kernel && tap * w.dilation % w.stride != position % w.stride)
        ++tap;
    phase.first_tap = tap;
    std::size_t const taps = tap < w.kernel ? (w.kernel - 1 - tap) / phase.tap_step + 1 : 0;
    std::size_t const reach = taps == 0 ? 0 : (tap + (taps - 1) * phase.tap_step) * w.dilation;
    // Exact, and maybe below zero: unsigned numbers are divided without their sign.
    std::size_t const before =
        reach >= position ? (reach - position) / w.stride : std::size_t{0} - (position - reach) / w.stride;
    phase.over = {taps, 1, phase.tap_step * w.dilation / w.stride, before, 0};
    return phase;
}

/// Calls `visit(row phase, column phase)` for all phases of a convolution.
template <class Visit>
constexpr void for_each_backward_phase(conv2d_parameters const& of, Visit visit) {
    for (std::size_t row = 0; row < of.rows.stride; ++row)
        for (std::size_t column = 0; column < of.columns.stride; ++column)
            visit(backward_phase_at(of.rows, of.in_height, row),
                  backward_phase_at(of.columns, of.in_width, column));
}

/// How far these windows reach beyond the output's gradient.
[[nodiscard]] constexpr std::size_t backward_border(window const& w) noexcept {
    auto const beyond = [&](std::size_t padding) {
        return w.span() - 1 > padding ? (w.span() - 1 - padding + w.stride - 1) / w.stride : 0;
    };
    return std::max(beyond(w.before), beyond(w.after));
}

/// A convolution's backward to its input: its own sizes, and where gradients lie. Both have blocks of a vector's width.
struct conv2d_backward_direct_parameters {
    conv2d_parameters shape;
    detail::blocked_layout grad_y; ///< with a border as `backward_border` says
    detail::blocked_layout grad_x;
    std::size_t workers = 1; ///< threads that share the work
};

/// Elements of packed weights, and of the zeros that stand for a bias.
template <class T>
[[nodiscard]] constexpr std::size_t conv2d_backward_packed_weights(conv2d_parameters const& of) noexcept {
    constexpr std::size_t lanes = detail::width<T>;
    std::size_t const channels = (of.in_channels + lanes - 1) / lanes * lanes;
    return channels * (of.group_out() * of.window_size() + 1);
}

/// Packs weights Out,In,kh,kw in the order in which the sums are made: phases, and in each as `conv2d_pack` does. Zeros
/// that fill up are there already.
template <class T>
void conv2d_backward_pack(conv2d_parameters const& shape, T const* weight, T* packed) noexcept {
    constexpr std::size_t lanes = detail::width<T>;
    std::size_t const window = shape.rows.kernel * shape.columns.kernel;
    std::size_t const blocks = (shape.in_channels + lanes - 1) / lanes;
    auto const write_channels = [&](std::size_t first, std::size_t count, T const* from) {
        for (std::size_t c = first; c < first + count; ++c, ++packed)
            if (c < shape.in_channels)
                *packed = from[c * window];
    };
    for_each_backward_phase(shape, [&](backward_phase const& rows, backward_phase const& columns) {
        for (std::size_t block = 0; block < blocks; block += blocks_at_a_time)
            for (std::size_t o = 0; o < shape.out_channels; o += lanes)
                for (std::size_t row = 0; row < rows.over.kernel; ++row)
                    for (std::size_t column = 0; column < columns.over.kernel; ++column) {
                        std::size_t const at = rows.tap(row) * shape.columns.kernel + columns.tap(column);
                        for (std::size_t i = o; i < std::min(o + lanes, shape.out_channels); ++i)
                            write_channels(block * lanes, std::min(blocks_at_a_time, blocks - block) * lanes,
                                           weight + i * shape.in_channels * window + at);
                    }
    });
}

/// Elements of scratch memory that `conv2d_backward_direct` needs.
template <class T>
[[nodiscard]] constexpr std::size_t
conv2d_backward_direct_scratch(conv2d_backward_direct_parameters const& of) noexcept {
    auto const& [shape, grad_y, grad_x, workers] = of;
    if (shape.rows.stride == 1 && shape.columns.stride == 1)
        return 0;
    auto const first = [](window const& w, std::size_t input) { return (input + w.stride - 1) / w.stride; };
    return grad_x.blocks() * grad_x.block * first(shape.rows, shape.in_height) *
           first(shape.columns, shape.in_width);
}

/// Copies the image of a phase to its places in the gradient of the input; zeros, where `from` is null.
template <class T>
void spread_phase(conv2d_backward_direct_parameters const& of, backward_phase const& rows,
                  backward_phase const& columns, T const* from, T* grad_x) noexcept {
    auto const& to = of.grad_x;
    std::size_t const step = of.shape.columns.stride * to.block;
    std::size_t const plane = rows.count * columns.count * to.block;
    detail::parallel_for(to.blocks(), of.workers, [&](std::size_t block, std::size_t) {
        T const* seen = from == nullptr ? nullptr : from + block * plane;
        for (std::size_t i = 0; i < rows.count; ++i) {
            T* at = grad_x + block * to.plane() + to.first() +
                    (rows.first + i * of.shape.rows.stride) * to.row() + columns.first * to.block;
            for (std::size_t j = 0; j < columns.count; ++j, at += step)
                if (seen != nullptr) {
                    detail::store(at, detail::load(seen));
                    seen += to.block;
                } else {
                    detail::store(at, detail::vector<T>{});
                }
        }
    });
}

/// The gradient of the input of one image, phase by phase: `convolve(phase, weights, to)` computes one of them.
template <class T, class Convolve>
void for_each_phase_of_gradient(conv2d_backward_direct_parameters const& of, T const* packed, T* grad_x,
                                T* scratch, Convolve convolve) noexcept {
    auto const& shape = of.shape;
    auto const channels = of.grad_x.blocks() * of.grad_x.block;
    bool const is_whole = shape.rows.stride == 1 && shape.columns.stride == 1;
    for_each_backward_phase(shape, [&](backward_phase const& rows, backward_phase const& columns) {
        conv2d_direct_parameters<T> phase{{1, shape.out_channels, shape.in_channels, shape.groups,
                                           shape.out_height, shape.out_width, rows.count, columns.count,
                                           rows.over, columns.over},
                                          of.grad_y,
                                          {shape.in_channels, rows.count, columns.count, of.grad_x.block, 0},
                                          {},
                                          of.workers};
        T const* const weights = packed;
        packed += channels * phase.shape.terms();
        if (rows.count == 0 || columns.count == 0)
            return;
        bool const is_seen = phase.shape.window_size() != 0;
        if (is_whole && is_seen) {
            phase.out = of.grad_x;
            convolve(phase, weights, grad_x);
            return;
        }
        if (is_seen)
            convolve(phase, weights, scratch);
        spread_phase(of, rows, columns, is_seen ? static_cast<T const*>(scratch) : nullptr, grad_x);
    });
}

/// The gradient of the input of one image, for a convolution of one group. `packed` comes from `conv2d_backward_pack`.
template <class T>
void conv2d_backward_direct(cpu device, conv2d_backward_direct_parameters const& of, T const* grad_y,
                            T const* packed, T* grad_x, T* scratch) noexcept {
    T const* const zeros =
        packed + of.grad_x.blocks() * of.grad_x.block * of.shape.out_channels * of.shape.window_size();
    for_each_phase_of_gradient(
        of, packed, grad_x, scratch, [&](conv2d_direct_parameters<T> const& phase, T const* weights, T* to) {
            using traits = direct::tile_traits<detail::width<T>, 1>;
            conv2d_direct<traits>(device, phase, grad_y, weights, zeros, to, static_cast<T*>(nullptr));
        });
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
