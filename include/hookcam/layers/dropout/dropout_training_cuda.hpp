#pragma once

#include "../../core/counter_random.hpp"
#include "../../cuda/kernel.hpp"
#include "../../tensor/device.hpp"

#include <cstddef>
#include <cstdint>

namespace hookcam::kernels {

/// Four elements, whose numbers are drawn at once: x·scale where one is kept, and zero elsewhere.
struct dropout_training_element {
    static constexpr char const* name = "dropout_training";
    counter_random draw;
    std::uint64_t dropped;
    float scale;
    std::size_t size;
    float const* x;
    float* y;

    HOOKCAM_DEVICE void operator()(std::size_t i) const {
        auto const drawn = draw.words(static_cast<std::uint32_t>(i));
        HOOKCAM_UNROLL
        for (std::size_t k = 0; k < 4; ++k)
            if (std::size_t const at = 4 * i + k; at < size)
                y[at] = drawn.of[k] < dropped ? 0.0f : x[at] * scale;
    }
};

/// y = x·scale where element i is kept, and zero elsewhere, as on the processor; y may be x.
template <detail::a_gpu Device>
void dropout_training(Device const& on, counter_random const& draw, std::uint64_t dropped, float scale,
                      std::size_t size, float const* x, float* y) {
    for_each_element(on, detail::parts_of(size, 4),
                     dropout_training_element{draw, dropped, scale, size, x, y});
}

} // namespace hookcam::kernels
