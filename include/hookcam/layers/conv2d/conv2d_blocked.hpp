#pragma once

#include "../blocked_kernel.hpp"
#include "conv2d.hpp"
#include "conv2d_direct_cpu.hpp"
#include "conv2d_grouped_cpu.hpp"
#include "conv2d_method.hpp"

#include <algorithm>
#include <cstddef>
#include <type_traits>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// A plane of outputs as it is known by type.
template <class Sums>
struct plane_of_shape {
    using type = kernels::direct::any_plane;
};
template <class Sums>
    requires(Sums::value[1] != dynamic && Sums::value[2] != dynamic)
struct plane_of_shape<Sums> {
    using type = kernels::direct::known_plane<Sums::value[1], Sums::value[2]>;
};

/// A convolution that runs over blocked channels.
template <std::size_t In, std::size_t Out, class... Policies>
    requires(is_blocked_method<typename conv2d<In, Out, Policies...>::forced_method>)
struct blocked_kernel<conv2d<In, Out, Policies...>> {
    using layer = conv2d<In, Out, Policies...>;
    using windows = typename layer::windows;
    static constexpr bool exists = true;

    static constexpr std::size_t border = std::max(std::max(windows::rows.before, windows::rows.after),
                                                   std::max(windows::columns.before, windows::columns.after));

    static constexpr kernels::conv2d_parameters layer_shape{
        1, In, Out, layer::group_count, dynamic, dynamic, dynamic, dynamic, windows::rows, windows::columns};
    template <class T>
    static constexpr auto chosen = choose_kernel<T, typename layer::forced_method>(layer_shape);
    /// For numbers of either size, so that a layer has one backward.
    static constexpr bool goes_back =
        goes_back_blocked(chosen<float>, layer_shape) && goes_back_blocked(chosen<double>, layer_shape);
    /// Lanes that see each other want whole vectors.
    template <class T>
    static constexpr std::size_t in_block = chosen<T> == conv2d_kernel::within_vectors
                                                ? width<T>
                                                : std::min(In, width<T>);
    template <class T, std::size_t Block>
    static constexpr bool takes_block = chosen<T> != conv2d_kernel::within_vectors || Block == width<T>;
    template <class T>
    static constexpr bool can_fuse = chosen<T> != conv2d_kernel::regrouped;

    /// Output channels where those that share no vector with another group's are filled up to whole blocks.
    template <class T>
    [[nodiscard]] static constexpr std::size_t padded_channels() {
        if constexpr (chosen<T> == conv2d_kernel::within_vectors)
            return (Out + width<T> - 1) / width<T> * width<T>;
        else
            return kernels::conv2d_padded_channels<T>(layer_shape);
    }

    /// What the kernel may know of its outputs when it is compiled: the size of their planes.
    template <class Sums>
    using variant = typename plane_of_shape<Sums>::type;

    template <class T>
    using work = kernels::conv2d_direct_parameters<T>;

    /// `sums` are the sizes of the convolution's own output, in front of a pooling.
    template <class T>
    [[nodiscard]] static work<T> work_for(std::size_t batch, blocked_layout const& in, extents const& sums,
                                          blocked_layout const& out, sum_finish<T> const& finish) {
        return {{batch, In, Out, layer::group_count, in.height, in.width, sums[1], sums[2], windows::rows,
                 windows::columns},
                in,
                out,
                finish};
    }

    /// Elements of weights and bias.
    template <class T>
    [[nodiscard]] static std::size_t packed_size(work<T> const& of) {
        return padded_channels<T>() * (of.shape.terms() + 1);
    }

    template <class T>
    static void pack(work<T> const& of, auto const& own, T* packed) {
        auto const* const weight = get<"weight">(own).data();
        if constexpr (chosen<T> == conv2d_kernel::within_vectors)
            kernels::conv2d_pack_lanes(of.shape, weight, packed);
        else if constexpr (chosen<T> == conv2d_kernel::regrouped)
            kernels::conv2d_pack(of.shape, width<T>, weight, packed);
        else
            kernels::conv2d_pack(of.shape, of.in.block, weight, packed);
        if constexpr (layer::has_bias) {
            // In each group it is padded to whole blocks, as its weights are.
            auto const groups = chosen<T> == conv2d_kernel::regrouped ? layer::group_count : 1;
            T* const bias = packed + padded_channels<T>() * of.shape.terms();
            for (std::size_t group = 0; group < groups; ++group)
                std::copy_n(get<"bias">(own).data() + group * (Out / groups), Out / groups,
                            bias + group * (padded_channels<T>() / groups));
        }
    }

    template <class T>
    [[nodiscard]] static std::size_t scratch(work<T> const& of) {
        if constexpr (chosen<T> == conv2d_kernel::regrouped)
            return kernels::conv2d_regrouped_scratch(of);
        else
            return kernels::conv2d_direct_scratch(of);
    }

    template <std::size_t InBlock, class Plane, class Device, class T>
    static void run(Device device, work<T> const& of, T const* x, T const* packed, T* y, T* scratch) {
        constexpr std::size_t step = windows::columns.stride;
        constexpr std::size_t out_blocks = (Out / layer::group_count + width<T> - 1) / width<T>;
        T const* const bias = packed + padded_channels<T>() * of.shape.terms();
        if constexpr (chosen<T> == conv2d_kernel::within_vectors) {
            using traits = kernels::direct::lane_traits<In / layer::group_count, step>;
            kernels::conv2d_within_vectors<traits, Plane>(device, of, x, packed, bias, y, scratch);
        } else if constexpr (chosen<T> == conv2d_kernel::regrouped) {
            using traits = kernels::direct::tile_traits<width<T>, step>;
            kernels::conv2d_regrouped<traits, Plane, out_blocks>(device, of, x, packed, bias, y, scratch);
        } else {
            // Few channels: a row of the window is short, and unrolled.
            constexpr std::size_t most_terms = 32;
            constexpr std::size_t terms = windows::columns.kernel * InBlock;
            constexpr bool is_short =
                InBlock < width<T> && InBlock == In && windows::columns.dilation == 1 && terms <= most_terms;
            using traits = kernels::direct::tile_traits<InBlock, step, is_short ? terms : 0>;
            kernels::conv2d_direct<traits, Plane, out_blocks>(device, of, x, packed, bias, y, scratch);
        }
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
