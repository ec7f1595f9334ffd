#pragma once

#include "../layer.hpp"
#include "softmax_cpu.hpp"

namespace hookcam {

/// exp(x) over its sum along the channels: of a feature vector over its features, of an image over C at each
/// pixel. PyTorch's `Softmax(dim=1)`.
template <class... Policies>
struct softmax : layer<softmax<Policies...>, Policies...> {
    static_assert(detail::check_policies<softmax, detail::list<>, Policies...>::value);

    static constexpr bool in_place = true;
    using backward_reads = reads<output>;

    void forward(auto const& x, auto& y) const {
        kernels::softmax(device_of(x), arguments(x), x.data(), y.data());
    }

    void backward(auto const& y, auto const& grad_y, auto& grad_x) const {
        kernels::softmax_backward(device_of(y), arguments(y), y.data(), grad_y.data(), grad_x.data());
    }

private:
    static kernels::softmax_parameters arguments(auto const& x) {
        kernels::softmax_parameters of{x.shape()[0], x.shape()[1], 1};
        for (std::size_t axis = 2; axis < x.dimension(); ++axis)
            of.plane *= x.shape()[axis];
        return of;
    }
};

} // namespace hookcam
