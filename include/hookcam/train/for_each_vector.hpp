#pragma once

#include "../core/instruction_set.hpp"
#include "../tensor/simd.hpp"

#include <array>
#include <cstddef>
#include <cstring>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// What a step of an optimiser needs beside + − · / of the numbers that it is made of, here registers full of them.
template <class T>
struct vector_arithmetic {
    [[nodiscard, gnu::always_inline]] static inline vector<T> multiply_add(vector<T> a, vector<T> b,
                                                                           vector<T> c) noexcept {
        return multiply_add_all<T>(a, b, c);
    }
    [[nodiscard, gnu::always_inline]] static inline vector<T> root(vector<T> a) noexcept {
        return square_root_all<T>(a);
    }
};

/// Calls `function(read, changed)` for `size` numbers of each array, a register full at a time; `read` is a vector
/// of the first array, `changed` are vectors of the others, which are written back. The last numbers go the same way,
/// with zeros behind them, so that a number's result does not depend on where it stands.
template <class T, std::size_t Arrays, class Function>
void for_each_vector(std::size_t size, T const* read, std::array<T*, Arrays> const& changed,
                     Function const& function) {
    constexpr std::size_t lanes = width<T>;
    std::size_t at = 0;
    for (; at + lanes <= size; at += lanes) {
        vector<T> values[Arrays];
        unroll<Arrays>([&](auto a) __attribute__((always_inline)) { values[a] = load(changed[a] + at); });
        function(load(read + at), values);
        unroll<Arrays>([&](auto a) __attribute__((always_inline)) { store(changed[a] + at, values[a]); });
    }
    if (std::size_t const bytes = (size - at) * sizeof(T); bytes != 0) {
        vector<T> values[Arrays]{};
        vector<T> rest{};
        std::memcpy(&rest, read + at, bytes);
        unroll<Arrays>([&](auto a) { std::memcpy(&values[a], changed[a] + at, bytes); });
        function(rest, values);
        unroll<Arrays>([&](auto a) { std::memcpy(changed[a] + at, &values[a], bytes); });
    }
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
