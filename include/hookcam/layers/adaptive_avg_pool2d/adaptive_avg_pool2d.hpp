#pragma once

#include "../layer.hpp"
#include "adaptive_avg_pool2d_cpu.hpp"

#include <cstddef>

namespace hookcam {

/// The means of Height × Width parts of each channel, whatever the input's size: N,C,H,W becomes
/// N,C,Height,Width. Parts overlap where the sizes do not divide, as in PyTorch. `adaptive_avg_pool2d<1>` is
/// global average pooling.
template <std::size_t Height, std::size_t Width = Height, class... Policies>
struct adaptive_avg_pool2d : layer<adaptive_avg_pool2d<Height, Width, Policies...>, Policies...> {
    static_assert(detail::check_policies<adaptive_avg_pool2d, detail::list<>, Policies...>::value);
    static_assert(
        Height > 0 && Width > 0,
        "hookcam::adaptive_avg_pool2d: must make at least one row and one column; give sizes above zero");

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        require(in.rank == 3,
                "hookcam::adaptive_avg_pool2d: the input must be images; put the layer in front of flatten<>",
                in);
        require(in[1] > 0 && in[2] > 0,
                "hookcam::adaptive_avg_pool2d: the input must have at least one row and one column; give a "
                "larger one",
                in);
        return extents{in[0], Height, Width};
    }

    void forward(auto const& x, auto& y) const {
        kernels::adaptive_avg_pool2d(device_of(x), arguments(x), x.data(), y.data());
    }

    void backward(auto const& grad_y, auto& grad_x) const {
        kernels::adaptive_avg_pool2d_backward(device_of(grad_y), arguments(grad_x), grad_y.data(),
                                              grad_x.data());
    }

private:
    static kernels::adaptive_avg_pool2d_parameters arguments(auto const& x) {
        return {x.shape()[0] * x.shape()[1], x.shape()[2], x.shape()[3], Height, Width};
    }
};

} // namespace hookcam
