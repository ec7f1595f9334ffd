#pragma once

#include "../core/instruction_set.hpp"

#include <cmath>
#include <cstddef>
#include <type_traits>
#include <utility>

#if defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

#ifdef __has_builtin
#define HOOKCAM_HAS_BUILTIN(name) __has_builtin(name)
#else
#define HOOKCAM_HAS_BUILTIN(name) 0
#endif

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

// The one place that knows how wide vectors are. The arithmetic is that of the compilers' own vector types, which
// g++ and clang share, so that one kernel serves every instruction set.

#if defined(__AVX512F__) && defined(__FMA__)
inline constexpr std::size_t vector_bytes = 64;
inline constexpr std::size_t vector_registers = 32;
inline constexpr bool is_neon = false;
#elif defined(__AVX2__) && defined(__FMA__)
inline constexpr std::size_t vector_bytes = 32;
inline constexpr std::size_t vector_registers = 16;
inline constexpr bool is_neon = false;
#elif defined(__ARM_NEON) && defined(__aarch64__)
inline constexpr std::size_t vector_bytes = 16;
inline constexpr std::size_t vector_registers = 32;
inline constexpr bool is_neon = true;
#else
inline constexpr std::size_t vector_bytes = 16;
inline constexpr std::size_t vector_registers = 16;
inline constexpr bool is_neon = false;
#endif

template <class T>
struct vector_of {
    static constexpr std::size_t width = vector_bytes / sizeof(T);
    typedef T type __attribute__((vector_size(vector_bytes)));
};

/// A register full of numbers.
template <class T>
using vector = typename vector_of<T>::type;

/// How many numbers that are; also the channels in a block of a blocked tensor.
template <class T>
inline constexpr std::size_t width = vector_of<T>::width;

template <class T>
[[nodiscard, gnu::always_inline]] inline vector<T> load(T const* from) noexcept {
    vector<T> result;
    __builtin_memcpy(&result, from, sizeof result); // wherever it lies
    return result;
}

template <class T>
[[gnu::always_inline]] inline void store(T* to, vector<T> values) noexcept {
    __builtin_memcpy(to, &values, sizeof values);
}

template <class T>
[[nodiscard, gnu::always_inline]] inline vector<T> broadcast(T value) noexcept {
    return value - vector<T>{}; // minus zero keeps the sign of a zero
}

/// a·b + c, rounded once where the instruction set has that, twice where it has not: number for number what
/// `multiply_add` makes. Said outright, so that it does not depend on what a compiler contracts.
template <class T>
[[nodiscard, gnu::always_inline]] inline vector<T> multiply_add_all(vector<T> a, vector<T> b,
                                                                    vector<T> c) noexcept {
#if defined(__FMA__) && HOOKCAM_HAS_BUILTIN(__builtin_elementwise_fma)
    return __builtin_elementwise_fma(a, b, c);
#elif defined(__AVX512F__) && defined(__FMA__)
    constexpr int current_rounding = 4;
    if constexpr (std::is_same_v<T, float>)
        return __builtin_ia32_vfmaddps512_mask(a, b, c, static_cast<unsigned short>(-1), current_rounding);
    else
        return __builtin_ia32_vfmaddpd512_mask(a, b, c, static_cast<unsigned char>(-1), current_rounding);
#elif defined(__AVX2__) && defined(__FMA__)
    if constexpr (std::is_same_v<T, float>)
        return __builtin_ia32_vfmaddps256(a, b, c);
    else
        return __builtin_ia32_vfmaddpd256(a, b, c);
#elif defined(__ARM_NEON) && defined(__aarch64__)
    if constexpr (std::is_same_v<T, float>)
        return vfmaq_f32(c, a, b);
    else
        return vfmaq_f64(c, a, b);
#elif defined(__FMA__)
    for (std::size_t i = 0; i < width<T>; ++i)
        c[i] = std::fma(a[i], b[i], c[i]);
    return c;
#else
    return a * b + c;
#endif
}

/// The square root of each, rounded as `std::sqrt` rounds. Said outright, since a compiler that must set errno for
/// negative numbers takes them one by one.
template <class T>
[[nodiscard, gnu::always_inline]] inline vector<T> square_root_all(vector<T> a) noexcept {
#if HOOKCAM_HAS_BUILTIN(__builtin_elementwise_sqrt)
    return __builtin_elementwise_sqrt(a);
#elif defined(__AVX512F__) && defined(__FMA__) && defined(__clang__)
    constexpr int current_rounding = 4;
    if constexpr (std::is_same_v<T, float>)
        return __builtin_ia32_sqrtps512(a, current_rounding);
    else
        return __builtin_ia32_sqrtpd512(a, current_rounding);
#elif defined(__AVX512F__) && defined(__FMA__)
    constexpr int current_rounding = 4;
    if constexpr (std::is_same_v<T, float>)
        return __builtin_ia32_sqrtps512_mask(a, a, static_cast<unsigned short>(-1), current_rounding);
    else
        return __builtin_ia32_sqrtpd512_mask(a, a, static_cast<unsigned char>(-1), current_rounding);
#elif defined(__AVX2__) && defined(__FMA__)
    if constexpr (std::is_same_v<T, float>)
        return __builtin_ia32_sqrtps256(a);
    else
        return __builtin_ia32_sqrtpd256(a);
#elif defined(__ARM_NEON) && defined(__aarch64__)
    if constexpr (std::is_same_v<T, float>)
        return vsqrtq_f32(a);
    else
        return vsqrtq_f64(a);
#elif defined(__SSE2__)
    if constexpr (std::is_same_v<T, float>)
        return __builtin_ia32_sqrtps(a);
    else
        return __builtin_ia32_sqrtpd(a);
#else
    for (std::size_t i = 0; i < width<T>; ++i)
        a[i] = std::sqrt(a[i]);
    return a;
#endif
}

/// The pointer, of which the compiler knows nothing any more: it does not keep in registers what was read through
/// another one, in the place of what is written there all the time.
template <class T>
[[nodiscard, gnu::always_inline]] inline T const* forgotten(T const* from) noexcept {
    asm("" : "+r"(from));
    return from;
}

template <class Function, std::size_t... I>
[[gnu::always_inline]] inline void call_each(Function& function, std::index_sequence<I...>) {
    (function(std::integral_constant<std::size_t, I>{}), ...);
}

/// Calls `function(constant 0)` to `function(constant Count − 1)`, unrolled at any level of optimisation, so that
/// arrays of vectors indexed by them stay in registers.
template <std::size_t Count, class Function>
[[gnu::always_inline]] inline void unroll(Function&& function) {
    call_each(function, std::make_index_sequence<Count>{});
}

/// Calls `function` once, with the numbers from 0 to Count − 1 as a pack, over which it folds: the same as `unroll` for
/// what can be said in one expression, which compiles several times faster than a function for each number.
template <std::size_t Count, class Function>
[[gnu::always_inline]] inline void fold_over(Function&& function) {
    function(std::make_index_sequence<Count>{});
}

/// Fills `to` with vectors that lie one behind the other.
template <class T, std::size_t Count>
[[gnu::always_inline]] inline void load_all(T const* from, vector<T> (&to)[Count]) noexcept {
    fold_over<Count>([&]<std::size_t... I>(std::index_sequence<I...>)
                         __attribute__((always_inline)) { ((to[I] = load(from + I * width<T>)), ...); });
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
