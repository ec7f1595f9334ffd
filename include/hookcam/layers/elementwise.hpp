#pragma once

#include "../core/instruction_set.hpp"
#include "../tensor/device.hpp"
#include "elementwise_cuda.hpp"
#include "layer.hpp"

#include <cstddef>

namespace hookcam {

namespace kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// y = function.value(x), element by element; y may be x.
template <class Function, class T>
void elementwise(cpu, Function const& function, std::size_t size, T const* x, T* y) noexcept {
    for (std::size_t i = 0; i < size; ++i)
        y[i] = function.value(x[i]);
}

/// grad_x = grad_y·function.derivative(read), where read is x or y, whichever the function's derivative takes.
template <class Function, class T>
void elementwise_backward(cpu, Function const& function, std::size_t size, T const* read, T const* grad_y,
                          T* grad_x) noexcept {
    for (std::size_t i = 0; i < size; ++i)
        grad_x[i] = grad_y[i] * function.derivative(read[i]);
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace kernels

namespace detail {

/// The base of a layer that maps every element by itself, by CRTP. `Derived::function` has `value(x)` and
/// `derivative(read)`; `Derived::backward_reads` says whether that is the derivative at an input or, so that
/// the layer may run in place, at an output.
template <class Derived, class... Policies>
struct elementwise_layer : layer<Derived, Policies...> {
    static constexpr bool in_place = true;
    using by_elements = Derived; ///< see `maps_elements`
    static constexpr bool has_device_kernels = true;

    template <class Set = instruction_set>
    void forward(auto const& x, auto& y) const {
        kernels::elementwise(device_of(x), Derived::function, x.size(), x.data(), y.data());
    }

    template <class Set = instruction_set>
    void backward(auto const& read, auto const& grad_y, auto& grad_x) const {
        kernels::elementwise_backward(device_of(read), Derived::function, read.size(), read.data(),
                                      grad_y.data(), grad_x.data());
    }
};

} // namespace detail

} // namespace hookcam
