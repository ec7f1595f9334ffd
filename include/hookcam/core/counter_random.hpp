#pragma once

#include "on_device.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace hookcam {

namespace detail {

/// Four numbers of 32 bits, as kernels of a GPU can hold them too.
struct four_words {
    std::uint32_t of[4];
};

/// Philox-4x32-10: ten rounds over a counter, with a key of two words.
[[nodiscard]] HOOKCAM_DEVICE constexpr four_words philox(four_words counter, std::uint32_t key,
                                                         std::uint32_t second_key) noexcept {
    for (int round = 0; round < 10; ++round) {
        auto const a = std::uint64_t{0xD2511F53} * counter.of[0];
        auto const b = std::uint64_t{0xCD9E8D57} * counter.of[2];
        counter = {{static_cast<std::uint32_t>(b >> 32) ^ counter.of[1] ^ key, static_cast<std::uint32_t>(b),
                    static_cast<std::uint32_t>(a >> 32) ^ counter.of[3] ^ second_key,
                    static_cast<std::uint32_t>(a)}};
        key += 0x9E3779B9;        // the golden ratio
        second_key += 0xBB67AE85; // the square root of three
    }
    return counter;
}

} // namespace detail

/// What random numbers are drawn for: different uses never share any.
enum class random_use : std::uint32_t {
    initialization, ///< what a model begins with
    dropout,        ///< what layers draw in training
    shuffling,      ///< the order of a data set
    augmentation,   ///< what becomes of an image
    other,          ///< whatever a program has in mind
};

/// Random numbers by place, not by turn: number i is a function of the seed, of what it is for, of a step and a place,
/// and of i alone. So any thread, or a GPU, can draw any of them, in any order, and gets the same. Uniform in
/// distribution and good for statistics; not for secrets.
///
/// The generator is Philox-4x32-10: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as
/// 1, 2, 3", SC 2011. The seed is its key; its counter is the block i / 4, the step, the place and the use.
class counter_random {
public:
    /// Four numbers, which one run of the generator makes.
    using block_type = std::array<std::uint32_t, 4>;

    /// `step` counts in time (a training step, an epoch), `place` in space (a layer, an image).
    constexpr counter_random(std::uint64_t seed, random_use use, std::uint32_t step = 0,
                             std::uint32_t place = 0) noexcept
        : m_key{static_cast<std::uint32_t>(seed)},
          m_second_key{static_cast<std::uint32_t>(seed >> 32)},
          m_step{step},
          m_place{place},
          m_use{static_cast<std::uint32_t>(use)} {}

    /// The numbers 4·index to 4·index + 3, each of 32 bits.
    [[nodiscard]] constexpr block_type block(std::uint32_t index) const noexcept {
        auto const four = words(index);
        return {four.of[0], four.of[1], four.of[2], four.of[3]};
    }

    /// The same for kernels of a GPU.
    [[nodiscard]] HOOKCAM_DEVICE constexpr detail::four_words words(std::uint32_t index) const noexcept {
        return detail::philox({{index, m_step, m_place, m_use}}, m_key, m_second_key);
    }

    /// Number `index`, of 32 bits. There are 2^34 of them.
    [[nodiscard]] constexpr std::uint32_t operator()(std::uint64_t index) const noexcept {
        return block(static_cast<std::uint32_t>(index / 4))[index % 4];
    }

    /// Number `index` as one of [0, 1): its first 24 bits for a float, all 32 for a double.
    template <class T>
    [[nodiscard]] constexpr T uniform(std::uint64_t index) const noexcept {
        return to_uniform<T>((*this)(index));
    }

    /// Number `index` as one of 0, 1 … bound − 1. The probability of each is 1 / bound to within 2^−32.
    [[nodiscard]] constexpr std::uint32_t below(std::uint64_t index, std::uint32_t bound) const noexcept {
        return static_cast<std::uint32_t>((std::uint64_t{(*this)(index)} * bound) >> 32);
    }

    /// 32 random bits as a number of [0, 1).
    template <class T>
    [[nodiscard]] static constexpr T to_uniform(std::uint32_t bits) noexcept {
        if constexpr (sizeof(T) == 4)
            return static_cast<T>(bits >> 8) * static_cast<T>(0x1p-24);
        else
            return static_cast<T>(bits) * static_cast<T>(0x1p-32);
    }

    /// The generator itself: ten rounds over a counter, with a key of two words.
    [[nodiscard]] static constexpr block_type philox(block_type counter,
                                                     std::array<std::uint32_t, 2> key) noexcept {
        auto const four = detail::philox({{counter[0], counter[1], counter[2], counter[3]}}, key[0], key[1]);
        return {four.of[0], four.of[1], four.of[2], four.of[3]};
    }

private:
    std::uint32_t m_key;
    std::uint32_t m_second_key;
    std::uint32_t m_step;
    std::uint32_t m_place;
    std::uint32_t m_use;
};

} // namespace hookcam
