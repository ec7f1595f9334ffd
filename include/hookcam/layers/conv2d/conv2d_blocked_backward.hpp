#pragma once

#include "../../tensor/blocked.hpp"
#include "../../tensor/memory.hpp"
#include "../blocked_backward.hpp"
#include "../blocked_kernel.hpp"
#include "conv2d.hpp"
#include "conv2d_backward_direct_cpu.hpp"
#include "conv2d_backward_narrow_cpu.hpp"
#include "conv2d_backward_weights_cpu.hpp"
#include "conv2d_blocked.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// A convolution of one group whose forward is direct.
template <std::size_t In, std::size_t Out, class... Policies>
    requires(
        blocked_kernel<conv2d<In, Out, Policies...>>::exists&& conv2d<In, Out, Policies...>::group_count == 1)
struct blocked_backward<conv2d<In, Out, Policies...>> {
    using layer = conv2d<In, Out, Policies...>;
    using windows = typename layer::windows;
    static constexpr bool exists = true;
    static constexpr std::size_t border =
        std::max(kernels::backward_border(windows::rows), kernels::backward_border(windows::columns));

    template <class T>
    static constexpr bool takes_blocked = !kernels::is_narrow<T>(In);

    template <class T>
    [[nodiscard]] static constexpr std::size_t packed_size() {
        if constexpr (takes_blocked<T>)
            return kernels::conv2d_backward_packed_weights<T>(sizes({}, {}));
        else
            return kernels::conv2d_backward_narrow_weights<T>(sizes({}, {}));
    }

    template <class T>
    static void pack(auto const& own, T* packed) {
        auto const* const weight = get<"weight">(own).data();
        if constexpr (takes_blocked<T>)
            kernels::conv2d_backward_pack(sizes({}, {}), weight, packed);
        else
            kernels::conv2d_backward_narrow_pack(sizes({}, {}), weight, packed);
    }

    template <class T>
    [[nodiscard]] static std::size_t scratch(extents const& in, extents const& out) {
        std::size_t const grad_y = whole_lines<T>(blocked<T>(out, border).image());
        std::size_t to_input = 0;
        if constexpr (takes_blocked<T>) {
            kernels::conv2d_backward_direct_parameters const of{sizes(in, out), {}, blocked<T>(in, 0)};
            to_input = whole_lines<T>(of.grad_x.image()) + kernels::conv2d_backward_direct_scratch<T>(of);
        }
        kernels::conv2d_backward_weights_parameters const of{sizes(in, out), blocked<T>(in, 0),
                                                             blocked<T>(out, 0)};
        return grad_y + std::max(to_input, whole_lines<T>(of.sums()) + of.grad_y.blocks() * of.grad_y.block);
    }

    template <class Device, class T>
    static void to_input(Device device, std::size_t batch, blocked_layout const& out, T const* grad_y,
                         T const* packed, blocked_layout const& in, T* grad_x, T* scratch) {
        gradient_images<T> const images{out, border, scratch};
        scratch += images.scratch();
        auto const shape = sizes(extents{In, in.height, in.width}, extents{Out, out.height, out.width});
        std::size_t const dense_image = In * in.height * in.width;
        for (std::size_t n = 0; n < batch; ++n) {
            T const* const from = images.image(n, grad_y);
            if constexpr (!takes_blocked<T>) {
                kernels::conv2d_backward_narrow<In>(device, {shape, images.layout}, from, packed,
                                                    grad_x + n * dense_image);
            } else {
                bool const is_dense = in.block == 0;
                kernels::conv2d_backward_direct_parameters const of{
                    shape, images.layout, is_dense ? blocked<T>(extents{In, in.height, in.width}, 0) : in};
                T* const to = is_dense ? scratch : grad_x + n * of.grad_x.image();
                T* const rest = scratch + (is_dense ? whole_lines<T>(of.grad_x.image()) : 0);
                kernels::conv2d_backward_direct(device, of, from, packed, to, rest);
                if (is_dense)
                    from_blocked(of.grad_x, 1, static_cast<T const*>(to), grad_x + n * dense_image);
            }
        }
    }

    template <std::size_t InBlock, class Device, class T>
    static void to_parameters(Device device, std::size_t batch, blocked_layout const& in, T const* x,
                              blocked_layout const& out, T const* grad_y, auto const& gradients, T* scratch) {
        constexpr std::size_t out_blocks = (Out + width<T> - 1) / width<T>;
        constexpr std::size_t piece = kernels::conv2d_piece(In, InBlock, windows::columns);
        gradient_images<T> const images{out, 0, scratch};
        kernels::conv2d_backward_weights_parameters const of{
            sizes(extents{In, in.height, in.width}, extents{Out, out.height, out.width}), in, images.layout};
        T* const sums = scratch + images.scratch();
        T* const bias_sums = sums + whole_lines<T>(of.sums());
        if constexpr (layer::has_bias)
            std::fill_n(bias_sums, out_blocks * width<T>, T{0});
        for (std::size_t n = 0; n < batch; ++n) {
            T const* const from = images.image(n, grad_y);
            kernels::conv2d_backward_weights<out_blocks, piece>(device, of, n == 0, x + n * in.image(), from,
                                                                sums);
            if constexpr (layer::has_bias)
                kernels::conv2d_backward_bias(device, of, from, bias_sums);
        }
        kernels::conv2d_unpack_weights<out_blocks, piece>(of, static_cast<T const*>(sums),
                                                          get<"weight">(gradients).data());
        if constexpr (layer::has_bias)
            std::copy_n(bias_sums, Out, get<"bias">(gradients).data());
    }

private:
    [[nodiscard]] static constexpr kernels::conv2d_parameters sizes(extents const& in, extents const& out) {
        return {1, In, Out, 1, in[1], in[2], out[1], out[2], windows::rows, windows::columns};
    }
    template <class T>
    [[nodiscard]] static constexpr blocked_layout blocked(extents const& of, std::size_t with_border) {
        return {of[0], of[1], of[2], width<T>, with_border};
    }
    /// So many elements that what comes behind them is aligned too.
    template <class T>
    [[nodiscard]] static constexpr std::size_t whole_lines(std::size_t elements) {
        constexpr std::size_t line = memory<T>::alignment / sizeof(T);
        return (elements + line - 1) / line * line;
    }

    /// The gradient of the output, image by image, in blocks and with the border that windows reach into: where it lies,
    /// if it lies so, else copied to scratch memory.
    template <class T>
    struct gradient_images {
        gradient_images(blocked_layout const& of, std::size_t with_border, T* scratch)
            : given{of},
              layout{of.block == 0 || of.border < with_border
                         ? blocked<T>(extents{Out, of.height, of.width}, with_border)
                         : of},
              copy{of.block == 0 || of.border < with_border ? scratch : nullptr} {
            if (copy != nullptr)
                clear_border(layout, 1, copy);
        }
        [[nodiscard]] T const* image(std::size_t n, T const* all) const {
            if (copy == nullptr)
                return all + n * layout.image();
            if (given.block == 0)
                to_blocked(layout, 1, all + n * Out * layout.height * layout.width, copy);
            else
                copy_blocked(given, layout, 1, all + n * given.image(), copy);
            return copy;
        }
        /// Elements of the copy.
        [[nodiscard]] std::size_t scratch() const {
            return copy == nullptr ? 0 : whole_lines<T>(layout.image());
        }

        blocked_layout given;
        blocked_layout layout;
        T* copy;
    };
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
