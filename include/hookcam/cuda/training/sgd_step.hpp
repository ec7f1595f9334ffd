#pragma once

#include "../kernel.hpp"
#include "arithmetic.hpp"

#include <cstddef>

namespace hookcam::kernels {

/// What is the same for all numbers of a step of SGD. `Number` is a number, or a register full of them.
template <class Number>
struct sgd_numbers {
    Number rate;     ///< −learning rate
    Number decay;    ///< times the parameter is added to its gradient
    Number momentum; ///< the share of the last step that is kept
    Number share;    ///< of the gradient, where there is momentum
};

/// A step of SGD: the formula for the processor's registers and for a device. `pushed` is what momentum remembers, null
/// without it.
template <class Arithmetic, class Number>
[[gnu::always_inline]] HOOKCAM_DEVICE inline void sgd_step(sgd_numbers<Number> const& with, bool decays,
                                                           bool looks_ahead, Number gradient,
                                                           Number& parameter, Number* pushed) {
    if (decays)
        gradient = Arithmetic::multiply_add(with.decay, parameter, gradient);
    if (pushed != nullptr) {
        *pushed = Arithmetic::multiply_add(with.momentum, *pushed, with.share * gradient);
        gradient = looks_ahead ? Arithmetic::multiply_add(with.momentum, *pushed, gradient) : *pushed;
    }
    parameter = Arithmetic::multiply_add(with.rate, gradient, parameter);
}

/// The same of one number, for a thread of a device.
struct sgd_element {
    static constexpr char const* name = "sgd";
    sgd_numbers<float> with;
    bool decays;
    bool looks_ahead;
    float const* gradients;
    float* parameters;
    float* pushed; ///< may be null

    HOOKCAM_DEVICE void operator()(std::size_t i) const {
        sgd_step<device_arithmetic>(with, decays, looks_ahead, gradients[i], parameters[i],
                                    pushed == nullptr ? nullptr : pushed + i);
    }
};

} // namespace hookcam::kernels
