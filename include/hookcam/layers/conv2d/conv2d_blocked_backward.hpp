#pragma once

#include "../../core/threads.hpp"
#include "../../tensor/blocked.hpp"
#include "../../tensor/memory.hpp"
#include "../blocked_backward.hpp"
#include "../blocked_kernel.hpp"
#include "conv2d.hpp"
#include "conv2d_backward_direct_cpu.hpp"
#include "conv2d_backward_narrow_cpu.hpp"
#include "conv2d_backward_weights_cpu.hpp"
#include "conv2d_blocked.hpp"
#include "conv2d_grouped_backward_cpu.hpp"
#include "conv2d_method.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// The backward of a convolution whose forward runs over blocked channels, by the same line of the table: gradients of
/// channels that see each other's whole blocks, lanes that see lanes of their own vector, or groups one by one.
template <std::size_t In, std::size_t Out, class... Policies>
    requires(blocked_kernel<conv2d<In, Out, Policies...>>::goes_back)
struct blocked_backward<conv2d<In, Out, Policies...>> {
    using layer = conv2d<In, Out, Policies...>;
    using windows = typename layer::windows;
    static constexpr bool exists = true;
    static constexpr std::size_t border =
        std::max(kernels::backward_border(windows::rows), kernels::backward_border(windows::columns));

    template <class T>
    static constexpr bool takes_blocked = layer::group_count > 1 || !kernels::is_narrow<T>(In);

    template <class T>
    [[nodiscard]] static constexpr std::size_t packed_size() {
        if constexpr (is_within_vectors<T>)
            return kernels::conv2d_backward_packed_weights<T>(sizes({}, {}));
        else if constexpr (takes_blocked<T>)
            return group_count * kernels::conv2d_backward_packed_weights<T>(one_group({}, {}));
        else
            return kernels::conv2d_backward_narrow_weights<T>(sizes({}, {}));
    }

    template <class T>
    static void pack(auto const& own, T* packed) {
        auto const* const weight = get<"weight">(own).data();
        constexpr auto one = one_group({}, {});
        if constexpr (is_within_vectors<T>)
            kernels::conv2d_backward_pack_lanes(sizes({}, {}), weight, packed);
        else if constexpr (takes_blocked<T>)
            for (std::size_t group = 0; group < group_count; ++group)
                kernels::conv2d_backward_pack(one, weight + group * one.out_channels * one.terms(),
                                              packed + group * (packed_size<T>() / group_count));
        else
            kernels::conv2d_backward_narrow_pack(one, weight, packed);
    }

    template <class T>
    [[nodiscard]] static constexpr std::size_t sums_size() {
        return sums<T> + padded<T>(Out);
    }

    template <class T>
    [[nodiscard]] static std::size_t scratch(std::size_t workers, extents const& in, extents const& out) {
        return std::max(workers * scratch_to_input<T>(in, out),
                        copied_gradient<T>(out) + workers * copies<T>(in, out));
    }

    template <class Device, class T>
    static void to_input(Device device, std::size_t batch, std::size_t workers, blocked_layout const& out,
                         T const* grad_y, T const* packed, blocked_layout const& in, T* grad_x, T* scratch) {
        auto const in_sizes = extents{In, in.height, in.width};
        auto const out_sizes = extents{Out, out.height, out.width};
        std::size_t const each = scratch_to_input<T>(in_sizes, out_sizes);
        // Images are shared where there are enough of them, else what there is to do for one, unless its channels
        // are few.
        std::size_t const pieces = workers > 1 && batch >= workers ? batch : 1;
        std::size_t const workers_of_image = pieces == 1 ? workers : 1;
        parallel_for(pieces, workers, [&](std::size_t piece, std::size_t worker) {
            T* rest = scratch + worker * each;
            gradient_images<T> const images{out, border, rest};
            rest += images.scratch();
            for (std::size_t n = piece * batch / pieces; n < (piece + 1) * batch / pieces; ++n) {
                T const* const from = images.image(n, grad_y);
                if constexpr (!takes_blocked<T>) {
                    kernels::conv2d_backward_narrow<In>(device, {sizes(in_sizes, out_sizes), images.layout},
                                                        from, packed, grad_x + n * in_sizes.count());
                } else if (in.block != 0) {
                    image_to_input(device, {sizes(in_sizes, out_sizes), images.layout, in, workers_of_image},
                                   from, packed, grad_x + n * in.image(), rest);
                } else {
                    auto const dense = blocked<T>(in_sizes, 0);
                    image_to_input(device,
                                   {sizes(in_sizes, out_sizes), images.layout, dense, workers_of_image}, from,
                                   packed, rest, rest + whole_lines<T>(dense.image()));
                    from_blocked(dense, 1, static_cast<T const*>(rest), grad_x + n * in_sizes.count());
                }
            }
        });
    }

    template <std::size_t InBlock, class Device, class T>
    static void to_parameters(Device device, part_of_batch const& part, std::size_t workers,
                              blocked_layout const& in, T const* x, blocked_layout const& out,
                              T const* grad_y, auto const& gradients, T* weight_sums, T* scratch) {
        auto const in_sizes = extents{In, in.height, in.width};
        auto const out_sizes = extents{Out, out.height, out.width};
        gradient_images<T> const images{out, 0, scratch};
        kernels::conv2d_backward_weights_parameters const of{sizes(in_sizes, out_sizes), in, images.layout};
        T* const bias_sums = weight_sums + sums<T>;
        T* const rest = scratch + images.scratch();
        if (layer::has_bias && part.is_first)
            std::fill_n(bias_sums, padded<T>(Out), T{0});
        // Everybody makes sums of their own from all images, so that nobody's order of terms depends on who shares.
        std::size_t const shares = workers < 2 ? 1 : 2 * workers;
        auto const add_images = [&](std::size_t first, std::size_t count, T const* from) {
            parallel_for(shares, workers, [&](std::size_t index, std::size_t worker) {
                kernels::share_of_work const share{index, shares};
                T* const own = rest + worker * copies<T>(in_sizes, out_sizes);
                for (std::size_t n = first; n < first + count; ++n) {
                    T const* const slopes = from + (n - first) * images.layout.image();
                    add_image<InBlock>(device, of, share, part.is_first && n == 0, x + n * in.image(), slopes,
                                       weight_sums, own);
                    if constexpr (layer::has_bias)
                        kernels::conv2d_backward_bias(device, of, share, slopes, bias_sums);
                }
            });
        };
        if (images.copy == nullptr)
            add_images(0, part.images, grad_y);
        else
            for (std::size_t n = 0; n < part.images; ++n)
                add_images(n, 1, images.image(n, grad_y));
        if (!part.is_last)
            return;
        unpack<InBlock>(static_cast<T const*>(weight_sums), get<"weight">(gradients).data());
        if constexpr (layer::has_bias)
            std::copy_n(bias_sums, Out, get<"bias">(gradients).data());
    }

private:
    static constexpr std::size_t group_count = layer::group_count;
    static constexpr std::size_t group_in = In / group_count;
    static constexpr std::size_t group_out = Out / group_count;

    template <class T>
    static constexpr bool is_within_vectors =
        blocked_kernel<layer>::template chosen<T> == conv2d_kernel::within_vectors;
    template <class T>
    static constexpr bool is_regrouped =
        blocked_kernel<layer>::template chosen<T> == conv2d_kernel::regrouped;

    /// Blocks of a group's output channels, and the input's block as the sums of its weights see it.
    template <class T>
    static constexpr std::size_t out_blocks = (group_out + width<T> - 1) / width<T>;
    template <class T, std::size_t InBlock>
    static constexpr std::size_t block_of_sums = is_regrouped<T> ? std::min(group_in, width<T>) : InBlock;
    template <class T, std::size_t InBlock>
    static constexpr std::size_t piece = kernels::conv2d_piece(group_in, block_of_sums<T, InBlock>,
                                                               windows::columns);

    [[nodiscard]] static constexpr kernels::conv2d_parameters sizes(extents const& in, extents const& out) {
        return {1, In, Out, group_count, in[1], in[2], out[1], out[2], windows::rows, windows::columns};
    }
    /// One group by itself.
    [[nodiscard]] static constexpr kernels::conv2d_parameters one_group(extents const& in,
                                                                        extents const& out) {
        return {1, group_in, group_out, 1, in[1], in[2], out[1], out[2], windows::rows, windows::columns};
    }
    template <class T>
    [[nodiscard]] static constexpr blocked_layout blocked(extents const& of, std::size_t with_border) {
        return {of[0], of[1], of[2], width<T>, with_border};
    }

    template <class T>
    [[nodiscard]] static constexpr std::size_t padded(std::size_t channels) {
        return (channels + width<T> - 1) / width<T> * width<T>;
    }

    /// Elements of the sums of a group's weights, however the input is blocked, and of all.
    template <class T>
    static constexpr std::size_t sums_of_group =
        padded<T>(group_in) * padded<T>(group_out) * windows::rows.kernel* windows::columns.kernel;
    template <class T>
    static constexpr std::size_t sums = is_within_vectors<T> ? padded<T>(Out) * sizes({}, {}).terms()
                                                             : group_count* sums_of_group<T>;

    /// What the copies of a group take, where they are made.
    template <class T>
    [[nodiscard]] static std::size_t copy_of_x(extents const& in) {
        constexpr std::size_t with_border = blocked_kernel<layer>::border;
        return is_regrouped<T>
                   ? whole_lines<T>(blocked<T>(extents{group_in, in[1], in[2]}, with_border).image())
                   : 0;
    }
    template <class T>
    [[nodiscard]] static std::size_t copy_of_grad_y(extents const& out) {
        return is_regrouped<T>
                   ? whole_lines<T>(blocked<T>(extents{group_out, out[1], out[2]}, border).image())
                   : 0;
    }

    /// What the copies of a thread take.
    template <class T>
    [[nodiscard]] static std::size_t copies(extents const& in, extents const& out) {
        return copy_of_x<T>(in) + copy_of_grad_y<T>(out);
    }
    /// What a copy of an image's gradient takes, in blocks and with a border.
    template <class T>
    [[nodiscard]] static std::size_t copied_gradient(extents const& out) {
        return whole_lines<T>(blocked<T>(out, border).image());
    }
    /// What a thread needs that goes back to the input.
    template <class T>
    [[nodiscard]] static std::size_t scratch_to_input(extents const& in, extents const& out) {
        std::size_t own = copied_gradient<T>(out) + copies<T>(in, out);
        if constexpr (takes_blocked<T>) {
            kernels::conv2d_backward_direct_parameters const of{sizes(in, out), {}, blocked<T>(in, 0)};
            own += whole_lines<T>(of.grad_x.image()) + kernels::conv2d_backward_direct_scratch<T>(of);
        }
        return own;
    }

    template <class Device, class T>
    static void image_to_input(Device device, kernels::conv2d_backward_direct_parameters const& of,
                               T const* grad_y, T const* packed, T* grad_x, T* scratch) {
        if constexpr (is_within_vectors<T>) {
            kernels::conv2d_backward_within_vectors<group_in>(device, of, grad_y, packed, grad_x, scratch);
        } else {
            auto const in_sizes = extents{In, of.shape.in_height, of.shape.in_width};
            auto const out_sizes = extents{Out, of.shape.out_height, of.shape.out_width};
            using channels = kernels::group_channels<T, is_regrouped<T>>;
            channels const y{of.grad_y, group_out, width<T>, border, scratch};
            scratch += copy_of_grad_y<T>(out_sizes);
            channels const x{of.grad_x, group_in, width<T>, 0, scratch};
            scratch += copy_of_x<T>(in_sizes);
            for (std::size_t group = 0; group < group_count; ++group) {
                kernels::conv2d_backward_direct(
                    device, {one_group(in_sizes, out_sizes), y.layout, x.layout, of.workers},
                    y.read(group, grad_y), packed + group * (packed_size<T>() / group_count),
                    x.place(group, grad_x), scratch);
                x.written(group, grad_x);
            }
            if constexpr (is_regrouped<T>)
                clear_rest_of_block(of.grad_x, 1, grad_x);
        }
    }

    /// Adds to a share of the sums what one image brings.
    template <std::size_t InBlock, class Device, class T>
    static void add_image(Device device, kernels::conv2d_backward_weights_parameters const& of,
                          kernels::share_of_work const& share, bool is_first, T const* x, T const* grad_y,
                          T* sums, T* scratch) {
        if constexpr (is_within_vectors<T>) {
            kernels::conv2d_backward_weights_within_vectors<group_in, windows::rows.kernel,
                                                            windows::columns.kernel>(
                device, of, share, is_first, x, grad_y, sums);
        } else {
            auto const in_sizes = extents{In, of.shape.in_height, of.shape.in_width};
            auto const out_sizes = extents{Out, of.shape.out_height, of.shape.out_width};
            using channels = kernels::group_channels<T, is_regrouped<T>>;
            channels const seen{of.x, group_in, block_of_sums<T, InBlock>, blocked_kernel<layer>::border,
                                scratch};
            channels const slopes{of.grad_y, group_out, width<T>, 0, scratch + copy_of_x<T>(in_sizes)};
            // Several groups are shared; of one group, its tiles.
            constexpr bool is_one = group_count == 1;
            for (std::size_t group = is_one ? 0 : share.index; group < group_count;
                 group += is_one ? 1 : share.count)
                kernels::conv2d_backward_weights<out_blocks<T>, piece<T, InBlock>>(
                    device, {one_group(in_sizes, out_sizes), seen.layout, slopes.layout},
                    is_one ? share : kernels::share_of_work{}, is_first, seen.read(group, x),
                    slopes.read(group, grad_y), sums + group * sums_of_group<T>);
        }
    }

    template <std::size_t InBlock, class T>
    static void unpack(T const* sums, T* grad_weight) {
        if constexpr (is_within_vectors<T>) {
            kernels::conv2d_unpack_lanes(sizes({}, {}), sums, grad_weight);
        } else {
            constexpr auto one = one_group({}, {});
            kernels::conv2d_backward_weights_parameters const of{
                one, {group_in, 0, 0, block_of_sums<T, InBlock>}, {group_out, 0, 0, width<T>}};
            for (std::size_t group = 0; group < group_count; ++group)
                kernels::conv2d_unpack_weights<out_blocks<T>, piece<T, InBlock>>(
                    of, sums + group * sums_of_group<T>, grad_weight + group * group_out * one.terms());
        }
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
