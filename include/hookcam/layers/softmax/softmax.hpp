#pragma once

#include "../../core/instruction_set.hpp"
#include "../layer.hpp"
#include "softmax_cpu.hpp"
#include "softmax_cuda.hpp"

namespace hookcam {

/// exp(x) over its sum along the channels: of a feature vector over its features, of an image over C at each
/// pixel. PyTorch's `Softmax(dim=1)`.
template <class... Policies>
struct softmax : layer<softmax<Policies...>, Policies...> {
    static_assert(detail::check_policies<softmax, detail::list<>, Policies...>::value);

    static constexpr bool in_place = true;
    static constexpr bool has_device_kernels = true;
    using backward_reads = reads<output>;

    template <class Set = detail::instruction_set>
    void forward(auto const& x, auto& y) const {
        kernels::softmax(device_of(x), detail::along_channels(x), x.data(), y.data());
    }

    template <class Set = detail::instruction_set>
    void backward(auto const& y, auto const& grad_y, auto& grad_x) const {
        kernels::softmax_backward(device_of(y), detail::along_channels(y), y.data(), grad_y.data(),
                                  grad_x.data());
    }
};

} // namespace hookcam
