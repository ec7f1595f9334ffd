#pragma once

#include <hookcam/cuda/kernel.hpp>

#include <cstddef>

/// Works.
struct one_element {
    static constexpr char const* name = "one";
    float* to;
    HOOKCAM_DEVICE void operator()(std::size_t i) const { to[i] = 1.0f; }
};

/// Writes where nothing is.
struct astray_element {
    static constexpr char const* name = "astray";
    float* to;
    HOOKCAM_DEVICE void operator()(std::size_t i) const { to[i] = 2.0f; }
};

/// Makes a call of CUDA fail, as the program around hookcam may.
void fail_elsewhere();
