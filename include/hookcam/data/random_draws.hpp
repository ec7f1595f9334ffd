#pragma once

#include <cstdint>

#include "../core/counter_random.hpp"

namespace hookcam {

/// The random numbers of one transform for one image in one epoch. They depend on the seed and on these alone, not on
/// batches, threads, or what other transforms draw.
class random_draws {
public:
    /// The numbers of transform `place` in its row, of an image's `source`.
    constexpr explicit random_draws(counter_random const& source, std::uint32_t place = 0) noexcept
        : m_source{source},
          m_next{std::uint64_t{place} << 24} {} // far more than one transform draws

    /// One of 0, 1 … bound − 1.
    [[nodiscard]] constexpr std::uint32_t below(std::uint32_t bound) noexcept {
        return m_source.below(m_next++, bound);
    }

    /// One of [0, 1).
    [[nodiscard]] constexpr double uniform() noexcept { return m_source.uniform<double>(m_next++); }

private:
    counter_random m_source;
    std::uint64_t m_next;
};

} // namespace hookcam
