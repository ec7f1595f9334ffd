#pragma once

#include "../../core/counter_random.hpp"
#include "../../core/instruction_set.hpp"
#include "../../tensor/device.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// y = x·scale where element i is kept, and zero elsewhere; y may be x. It is kept where number i of `draw`, of 32 bits,
/// is not below `dropped`.
template <class T>
void dropout_training(cpu, counter_random const& draw, std::uint64_t dropped, T scale, std::size_t size,
                      T const* x, T* y) noexcept {
    constexpr std::size_t blocks = 16; // of four numbers, drawn at a time
    std::array<std::uint32_t, 4 * blocks> drawn;
    for (std::size_t first = 0; first < size; first += drawn.size()) {
        for (std::size_t b = 0; b < blocks; ++b) {
            auto const four = draw.block(static_cast<std::uint32_t>(first / 4 + b));
            std::copy_n(four.begin(), 4, drawn.begin() + static_cast<std::ptrdiff_t>(4 * b));
        }
        std::size_t const count = std::min(drawn.size(), size - first);
        for (std::size_t i = 0; i < count; ++i)
            y[first + i] = drawn[i] < dropped ? T{0} : x[first + i] * scale;
    }
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
