#pragma once

#include "../../core/instruction_set.hpp"
#include "../blocked_map.hpp"
#include "../layer.hpp"
#include "relu_cpu.hpp"
#include "relu_cuda.hpp"

namespace hookcam {

/// max(x, 0), element by element, for inputs of any shape. NaN passes. The gradient at zero is zero, as in
/// PyTorch.
template <class... Policies>
struct relu : layer<relu<Policies...>, Policies...> {
    static_assert(detail::check_policies<relu, detail::list<>, Policies...>::value);

    static constexpr bool in_place = true;
    using by_elements = relu; ///< every element is mapped by itself
    static constexpr bool has_device_kernels = true;
    using backward_reads = reads<output>;

    template <class Set = detail::instruction_set>
    void forward(auto const& x, auto& y) const {
        kernels::relu(device_of(x), x.size(), x.data(), y.data());
    }

    template <class Set = detail::instruction_set>
    void backward(auto const& y, auto const& grad_y, auto& grad_x) const {
        kernels::relu_backward(device_of(y), y.size(), y.data(), grad_y.data(), grad_x.data());
    }
};

namespace detail {

template <class... Policies>
inline constexpr auto fuses_as<relu<Policies...>> = fusion::rectifier;

} // namespace detail

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

template <class... Policies>
struct blocked_map<relu<Policies...>> {
    static constexpr bool exists = true;
    static constexpr bool is_by_planes = true;

    template <class Device, class T>
    static void run(Device device, std::size_t batch, blocked_layout const& in, blocked_layout const& out,
                    T const* x, T* y) {
        for_each_row_of_both(in, out, batch, x, y, [&](T const* from, T* to, std::size_t) {
            kernels::relu(device, in.width * in.block, from, to);
        });
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

} // namespace hookcam
