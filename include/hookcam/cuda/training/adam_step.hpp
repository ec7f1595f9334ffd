#pragma once

#include "../kernel.hpp"
#include "arithmetic.hpp"

#include <cstddef>

namespace hookcam::kernels {

/// What is the same for all numbers of a step of Adam. `Number` is a number, or a register full of them.
template <class Number>
struct adam_numbers {
    Number rate;        ///< −learning rate, over the correction of the mean
    Number scale;       ///< one over the root of the correction of the mean square
    Number eps;         ///< added to the root
    Number of_gradient; ///< what a gradient is worth in the mean
    Number kept_square; ///< how much of the mean square is kept
    Number of_square;   ///< what a square is worth in it
    Number
        decay; ///< of Adam: times the parameter is added to its gradient; of AdamW: times it is the parameter
};

/// A step of Adam, or where `DecaysWeights` of AdamW: the formula for the processor's registers and for a device. `largest`
/// is the largest mean square so far, null where nobody asks for it.
template <bool DecaysWeights, class Arithmetic, class Number>
[[gnu::always_inline]] HOOKCAM_DEVICE inline void adam_step(adam_numbers<Number> const& with, bool decays,
                                                            Number gradient, Number& parameter, Number& mean,
                                                            Number& square, Number* largest) {
    if (decays) {
        if constexpr (DecaysWeights)
            parameter *= with.decay;
        else
            gradient = Arithmetic::multiply_add(with.decay, parameter, gradient);
    }
    mean = Arithmetic::multiply_add(with.of_gradient, gradient - mean, mean);
    square = Arithmetic::multiply_add(with.kept_square, square, with.of_square * gradient * gradient);
    Number by = square;
    if (largest != nullptr) {
        *largest = square <= *largest ? *largest : square; // NaN stays
        by = *largest;
    }
    Number const root = Arithmetic::multiply_add(Arithmetic::root(by), with.scale, with.eps);
    parameter = Arithmetic::multiply_add(with.rate, mean / root, parameter);
}

/// The same of one number, for a thread of a device.
template <bool DecaysWeights>
struct adam_element {
    static constexpr char const* name = DecaysWeights ? "adamw" : "adam";
    adam_numbers<float> with;
    bool decays;
    float const* gradients;
    float* parameters;
    float* means;
    float* squares;
    float* largest; ///< may be null

    HOOKCAM_DEVICE void operator()(std::size_t i) const {
        adam_step<DecaysWeights, device_arithmetic>(with, decays, gradients[i], parameters[i], means[i],
                                                    squares[i], largest == nullptr ? nullptr : largest + i);
    }
};

} // namespace hookcam::kernels
