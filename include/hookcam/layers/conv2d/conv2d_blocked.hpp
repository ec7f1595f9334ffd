#pragma once

#include "../blocked_kernel.hpp"
#include "conv2d.hpp"
#include "conv2d_direct_cpu.hpp"
#include "conv2d_method.hpp"

#include <algorithm>
#include <cstddef>
#include <type_traits>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// A convolution whose method is direct.
template <std::size_t In, std::size_t Out, class... Policies>
    requires(std::is_same_v<decltype(choose_method<conv2d<In, Out, Policies...>,
                                                   typename conv2d<In, Out, Policies...>::forced_method>()),
                            method::direct>)
struct blocked_kernel<conv2d<In, Out, Policies...>> {
    using layer = conv2d<In, Out, Policies...>;
    using windows = typename layer::windows;
    static constexpr bool exists = true;

    static constexpr std::size_t border = std::max(std::max(windows::rows.before, windows::rows.after),
                                                   std::max(windows::columns.before, windows::columns.after));
    template <class T>
    static constexpr std::size_t in_block = std::min(In, width<T>);

    template <class T>
    using work = kernels::conv2d_direct_parameters<T>;

    /// `sums` are the sizes of the convolution's own output, in front of a pooling.
    template <class T>
    [[nodiscard]] static work<T> work_for(std::size_t batch, blocked_layout const& in, extents const& sums,
                                          blocked_layout const& out, sum_finish<T> const& finish) {
        return {{batch, In, Out, 1, in.height, in.width, sums[1], sums[2], windows::rows, windows::columns},
                in,
                out,
                finish};
    }

    /// Elements of weights and bias.
    template <class T>
    [[nodiscard]] static std::size_t packed_size(work<T> const& of) {
        return kernels::conv2d_packed_weights<T>(of.shape) + of.out.blocks() * width<T>;
    }

    template <class T>
    static void pack(work<T> const& of, auto const& own, T* packed) {
        kernels::conv2d_pack(of.shape, of.in.block, get<"weight">(own).data(), packed);
        if constexpr (layer::has_bias)
            std::copy_n(get<"bias">(own).data(), Out, packed + kernels::conv2d_packed_weights<T>(of.shape));
    }

    template <class T>
    [[nodiscard]] static std::size_t scratch(work<T> const& of) {
        return kernels::conv2d_direct_scratch(of);
    }

    template <std::size_t InBlock, class Device, class T>
    static void run(Device device, work<T> const& of, T const* x, T const* packed, T* y, T* scratch) {
        using traits = kernels::direct::tile_traits<InBlock, windows::columns.stride>;
        kernels::conv2d_direct<traits>(device, of, x, packed,
                                       packed + kernels::conv2d_packed_weights<T>(of.shape), y, scratch);
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
