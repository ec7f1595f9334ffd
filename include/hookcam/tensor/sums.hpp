#pragma once

#include "simd.hpp"
#include "transpose.hpp"

#include <array>
#include <cstddef>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// The sum of a vector's numbers.
template <class T>
[[nodiscard]] inline T sum_of_lanes(vector<T> of) noexcept {
    return sums_of_each<T>(std::array<vector<T>, 1>{of})[0];
}

/// The sum of neighbouring numbers: of every `width<T>`-th, then of these, then of the rest.
template <class T>
[[nodiscard]] T total_of(T const* x, std::size_t size) noexcept {
    vector<T> parts{};
    std::size_t i = 0;
    for (; i + width<T> <= size; i += width<T>)
        parts = parts + load(x + i);
    T sum = sum_of_lanes<T>(parts);
    for (; i < size; ++i)
        sum += x[i];
    return sum;
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
