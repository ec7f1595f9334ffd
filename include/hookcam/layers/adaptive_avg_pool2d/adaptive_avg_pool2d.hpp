#pragma once

#include "../../core/instruction_set.hpp"
#include "../blocked_map.hpp"
#include "../pool2d.hpp"
#include "../pool2d_blocked_cpu.hpp"
#include "adaptive_avg_pool2d_cpu.hpp"
#include "adaptive_avg_pool2d_cuda.hpp"

#include <cstddef>

namespace hookcam {

/// The means of Height × Width parts of each channel, whatever the input's size: N,C,H,W becomes
/// N,C,Height,Width. Parts overlap where the sizes do not divide, as in PyTorch.
template <std::size_t Height, std::size_t Width = Height, class... Policies>
struct adaptive_avg_pool2d : layer<adaptive_avg_pool2d<Height, Width, Policies...>, Policies...> {
    static_assert(detail::check_policies<adaptive_avg_pool2d, detail::list<>, Policies...>::value);
    static_assert(
        Height > 0 && Width > 0,
        "hookcam::adaptive_avg_pool2d: must make at least one row and one column; give sizes above zero");

    static constexpr bool has_device_kernels = true;

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        return detail::parted<Height, Width>(
            in, "hookcam::adaptive_avg_pool2d: the input must be images; put the layer in front of flatten<>",
            "hookcam::adaptive_avg_pool2d: the input must have at least one row and one column; give a "
            "larger one");
    }

    template <class Set = detail::instruction_set>
    void forward(auto const& x, auto& y) const {
        kernels::adaptive_avg_pool2d(device_of(x), detail::pool2d_sizes(x, y), x.data(), y.data());
    }

    template <class Set = detail::instruction_set>
    void backward(auto const& grad_y, auto& grad_x) const {
        kernels::adaptive_avg_pool2d_backward(device_of(grad_y), detail::pool2d_sizes(grad_x, grad_y),
                                              grad_y.data(), grad_x.data());
    }
};

/// The mean of each channel: N,C,H,W becomes N,C,1,1. PyTorch's `AdaptiveAvgPool2d(1)`.
template <class... Policies>
using global_avg_pool2d = adaptive_avg_pool2d<1, 1, Policies...>;

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

template <std::size_t Height, std::size_t Width, class... Policies>
struct blocked_map<adaptive_avg_pool2d<Height, Width, Policies...>> {
    static constexpr bool exists = true;
    static constexpr bool is_by_planes = true;

    template <class T>
    static void run(cpu, std::size_t batch, blocked_layout const& in, blocked_layout const& out, T const* x,
                    T* y) {
        kernels::pool2d_sizes const of{1, in.height, in.width, out.height, out.width};
        for_each_plane_of_both(in, out, batch, x, y, [&](T const* from, T* to) {
            std::size_t at = 0;
            kernels::for_each_part(of, [&](auto rows, auto columns) {
                store(to + at / out.width * out.row() + at % out.width * out.block,
                      kernels::mean_of_part(rows, columns, rows.size() * columns.size(), from, in.row()));
                ++at;
            });
        });
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

} // namespace hookcam
