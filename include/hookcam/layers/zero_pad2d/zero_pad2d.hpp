#pragma once

#include "../../core/instruction_set.hpp"
#include "../layer.hpp"
#include "zero_pad2d_cpu.hpp"
#include "zero_pad2d_cuda.hpp"

#include <cstddef>

namespace hookcam {

/// Zeros around each channel: N,C,H,W becomes N,C,Top + H + Bottom,Left + W + Right, in PyTorch's order. What is
/// left out is as wide as the left border: `zero_pad2d<1>` pads every border by one.
template <std::size_t Left, std::size_t Right = Left, std::size_t Top = Left, std::size_t Bottom = Left,
          class... Policies>
struct zero_pad2d : layer<zero_pad2d<Left, Right, Top, Bottom, Policies...>, Policies...> {
    static_assert(detail::check_policies<zero_pad2d, detail::list<>, Policies...>::value);

    static constexpr bool has_device_kernels = true;

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        require(in.rank == 3,
                "hookcam::zero_pad2d: the input must be images; put the layer in front of flatten<>", in);
        return extents{in[0], padded(in[1], Top + Bottom), padded(in[2], Left + Right)};
    }

    template <class Set = detail::instruction_set>
    void forward(auto const& x, auto& y) const {
        kernels::zero_pad2d(device_of(x), arguments(x, y), x.data(), y.data());
    }

    template <class Set = detail::instruction_set>
    void backward(auto const& grad_y, auto& grad_x) const {
        kernels::zero_pad2d_backward(device_of(grad_y), arguments(grad_x, grad_y), grad_y.data(),
                                     grad_x.data());
    }

private:
    static constexpr std::size_t padded(std::size_t size, std::size_t more) {
        return size == dynamic ? dynamic : size + more;
    }
    static kernels::zero_pad2d_parameters arguments(auto const& x, auto const& y) {
        return {
            x.shape()[0] * x.shape()[1], x.shape()[2], x.shape()[3], y.shape()[2], y.shape()[3], Top, Left};
    }
};

} // namespace hookcam
