#pragma once

#include "simd.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// Of two rows that are `Step` apart: the first (`Second` false) or second row after their parts of `Step` numbers have
/// changed places across the diagonal.
template <class T, std::size_t Step, bool Second>
[[nodiscard, gnu::always_inline]] inline vector<T> swap_parts(vector<T> a, vector<T> b) noexcept {
    constexpr auto taken = [](std::size_t lane) {
        bool const is_right = (lane & Step) != 0;
        if constexpr (Second)
            return static_cast<int>(is_right ? width<T> + lane : lane + Step);
        else
            return static_cast<int>(is_right ? width<T> + lane - Step : lane);
    };
    return [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
        return __builtin_shufflevector(a, b, taken(I)...);
    }
    (std::make_index_sequence<width<T>>{});
}

/// Makes columns of rows: a square of as many vectors as a vector has numbers. Squares of one number change places,
/// then of two, and so on.
template <class T, std::size_t Step = 1>
[[gnu::always_inline]] inline void transpose(vector<T> (&rows)[width<T>]) noexcept {
    if constexpr (Step < width<T>) {
        unroll<width<T> / 2>([&](auto pair) __attribute__((always_inline)) {
            constexpr std::size_t first = pair / Step * 2 * Step + pair % Step;
            auto const a = rows[first];
            auto const b = rows[first + Step];
            rows[first] = swap_parts<T, Step, false>(a, b);
            rows[first + Step] = swap_parts<T, Step, true>(a, b);
        });
        transpose<T, 2 * Step>(rows);
    }
}

/// The sum of the numbers of each of `Count` vectors, a power of two, in as many numbers of one vector. Pairs of vectors
/// are added until one is left; then its parts.
template <class T, std::size_t Step = 1, std::size_t Count>
[[nodiscard, gnu::always_inline]] inline vector<T>
sums_of_each(std::array<vector<T>, Count> const& of) noexcept {
    if constexpr (Step == width<T>) {
        return of[0];
    } else {
        constexpr std::size_t left = std::max<std::size_t>(1, Count / 2);
        std::array<vector<T>, left> pairs;
        unroll<left>([&](auto p) __attribute__((always_inline)) {
            auto const a = of[2 * p % Count];
            auto const b = of[(2 * p + 1) % Count];
            pairs[p] = swap_parts<T, Step, false>(a, b) + swap_parts<T, Step, true>(a, b);
        });
        return sums_of_each<T, 2 * Step>(pairs);
    }
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
