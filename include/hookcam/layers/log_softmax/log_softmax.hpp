#pragma once

#include "../../core/instruction_set.hpp"
#include "../layer.hpp"
#include "../softmax/softmax_cuda.hpp"
#include "log_softmax_cpu.hpp"

namespace hookcam {

/// The logarithm of `softmax`, exact where a probability is too small for a number: of a feature vector over
/// its features, of an image over C at each pixel. PyTorch's `LogSoftmax(dim=1)`.
template <class... Policies>
struct log_softmax : layer<log_softmax<Policies...>, Policies...> {
    static_assert(detail::check_policies<log_softmax, detail::list<>, Policies...>::value);

    static constexpr bool in_place = true;
    static constexpr bool has_device_kernels = true;
    using backward_reads = reads<output>;

    template <class Set = detail::instruction_set>
    void forward(auto const& x, auto& y) const {
        kernels::log_softmax(device_of(x), detail::along_channels(x), x.data(), y.data());
    }

    template <class Set = detail::instruction_set>
    void backward(auto const& y, auto const& grad_y, auto& grad_x) const {
        kernels::log_softmax_backward(device_of(y), detail::along_channels(y), y.data(), grad_y.data(),
                                      grad_x.data());
    }
};

} // namespace hookcam
