#pragma once

#include "../../core/on_device.hpp"

#include <cmath>

namespace hookcam::kernels {

/// What a step of an optimiser needs beside + − · / of the numbers that it is made of, here floats of a device's kernel.
struct device_arithmetic {
    /// a·b + c, rounded once.
    [[nodiscard]] HOOKCAM_DEVICE static float multiply_add(float a, float b, float c) {
        return std::fma(a, b, c);
    }
    /// Rounded as `std::sqrt` rounds.
    [[nodiscard]] HOOKCAM_DEVICE static float root(float a) { return std::sqrt(a); }
};

} // namespace hookcam::kernels
