#pragma once

#include "../../core/instruction_set.hpp"
#include "../blocked_map.hpp"
#include "../pool2d.hpp"
#include "../pool2d_blocked_cpu.hpp"
#include "avg_pool2d_cpu.hpp"
#include "avg_pool2d_cuda.hpp"

#include <cstddef>

namespace hookcam {

/// The mean of each window of a channel: N,C,H,W becomes N,C,H',W'. `avg_pool2d<2>` has square windows of two
/// rows and columns, each beside the last; `avg_pool2d<3, kernel<3, 2>>` has rectangular ones (the first
/// argument is their height). Padding counts as zeros; what `ceil_mode` lets reach out of it does not count,
/// as in PyTorch.
///
/// Policies: `kernel`, `stride` (else the kernel's size), `padding` (at most half of the kernel),
/// `ceil_mode`, `count_exclude_pad`.
template <std::size_t Kernel, class... Policies>
struct avg_pool2d : detail::pool2d<avg_pool2d<Kernel, Policies...>, Kernel, Policies...> {
    static_assert(detail::check_policies<avg_pool2d,
                                         detail::list<policy::kernel, policy::stride, policy::padding,
                                                      policy::rounding, policy::counting>,
                                         Policies...>::value);

    static constexpr bool has_device_kernels = true;

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        return avg_pool2d::pooled(
            in, "hookcam::avg_pool2d: the input must be images; put the layer in front of flatten<>",
            "hookcam::avg_pool2d: the window must not be larger than the padded input; take a smaller one");
    }

    template <class Set = detail::instruction_set>
    void forward(auto const& x, auto& y) const {
        kernels::avg_pool2d(device_of(x), this->arguments(x, y), x.data(), y.data());
    }

    template <class Set = detail::instruction_set>
    void backward(auto const& grad_y, auto& grad_x) const {
        kernels::avg_pool2d_backward(device_of(grad_y), this->arguments(grad_x, grad_y), grad_y.data(),
                                     grad_x.data());
    }
};

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

template <std::size_t Kernel, class... Policies>
struct blocked_map<avg_pool2d<Kernel, Policies...>> {
    static constexpr bool exists = true;
    static constexpr bool is_by_planes = true;
    using layer = avg_pool2d<Kernel, Policies...>;
    using windows = typename layer::windows;

    template <class T>
    static void run(cpu, std::size_t batch, blocked_layout const& in, blocked_layout const& out, T const* x,
                    T* y) {
        kernels::pool2d_parameters const of{{1, in.height, in.width, out.height, out.width},
                                            windows::rows,
                                            windows::columns,
                                            layer::counts_padding};
        for_each_plane_of_both(in, out, batch, x, y, [&](T const* from, T* to) {
            std::size_t at = 0;
            kernels::for_each_average(of, [&](auto rows, auto columns, std::size_t divisor) {
                store(to + at / out.width * out.row() + at % out.width * out.block,
                      kernels::mean_of_part(rows, columns, divisor, from, in.row()));
                ++at;
            });
        });
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

} // namespace hookcam
