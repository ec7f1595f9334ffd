#pragma once

#include "../kernel.hpp"
#include "arithmetic.hpp"

#include <cstddef>

namespace hookcam::kernels {

/// What is the same for all numbers of a step of RMSprop. `Number` is a number, or a register full of them.
template <class Number>
struct rmsprop_numbers {
    Number rate;     ///< −learning rate
    Number decay;    ///< times the parameter is added to its gradient
    Number alpha;    ///< how much of the mean square is kept
    Number rest;     ///< what a square is worth in it
    Number momentum; ///< the share of the last step that is kept
    Number eps;      ///< added to the root of the mean square
};

/// A step of RMSprop: the formula for the processor's registers and for a device. `pushed` is what momentum remembers, and
/// `mean` the mean gradient, null where there is none.
template <class Arithmetic, class Number>
[[gnu::always_inline]] HOOKCAM_DEVICE inline void
rmsprop_step(rmsprop_numbers<Number> const& with, bool decays, Number gradient, Number& parameter,
             Number& square, Number* pushed, Number* mean) {
    if (decays)
        gradient = Arithmetic::multiply_add(with.decay, parameter, gradient);
    square = Arithmetic::multiply_add(with.alpha, square, with.rest * gradient * gradient);
    Number variance = square;
    if (mean != nullptr) {
        *mean = Arithmetic::multiply_add(with.rest, gradient - *mean, *mean);
        variance = Arithmetic::multiply_add(-*mean, *mean, variance);
        variance = variance < Number{} ? Number{} : variance; // rounding may take it there; NaN stays
    }
    Number step = gradient / (Arithmetic::root(variance) + with.eps);
    if (pushed != nullptr) {
        *pushed = Arithmetic::multiply_add(with.momentum, *pushed, step);
        step = *pushed;
    }
    parameter = Arithmetic::multiply_add(with.rate, step, parameter);
}

/// The same of one number, for a thread of a device.
struct rmsprop_element {
    static constexpr char const* name = "rmsprop";
    rmsprop_numbers<float> with;
    bool decays;
    float const* gradients;
    float* parameters;
    float* squares;
    float* pushed; ///< may be null
    float* means;  ///< may be null

    HOOKCAM_DEVICE void operator()(std::size_t i) const {
        rmsprop_step<device_arithmetic>(with, decays, gradients[i], parameters[i], squares[i],
                                        pushed == nullptr ? nullptr : pushed + i,
                                        means == nullptr ? nullptr : means + i);
    }
};

} // namespace hookcam::kernels
