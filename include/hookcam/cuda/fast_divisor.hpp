#pragma once

#include "kernel.hpp"

#include <cstdint>

namespace hookcam::detail {

/// Divides numbers below 2^31 by one that is known before the kernel starts: a GPU has no instruction for it. With
/// 2^(L−1) < d ≤ 2^L and m = ⌈2^(31+L)/d⌉, ⌊n/d⌋ = ⌊n·m/2^(31+L)⌋ (Granlund, Montgomery, "Division by invariant integers
/// using multiplication", 1994).
struct fast_divisor {
    std::uint32_t divisor = 1;
    std::uint32_t shift = 31;
    std::uint64_t factor = std::uint64_t{1} << 31;

    fast_divisor() = default;
    explicit fast_divisor(std::size_t by) : divisor{narrow(by)} {
        if (divisor == 0)
            divisor = 1; // of an empty tensor: nothing is divided
        std::uint32_t log = 0;
        while ((std::uint64_t{1} << log) < divisor)
            ++log;
        shift = 31 + log;
        factor = ((std::uint64_t{1} << shift) + divisor - 1) / divisor;
    }

    [[nodiscard]] HOOKCAM_DEVICE std::uint32_t quotient(std::uint32_t n) const {
        return static_cast<std::uint32_t>((n * factor) >> shift);
    }
    [[nodiscard]] HOOKCAM_DEVICE std::uint32_t remainder(std::uint32_t n) const {
        return n - quotient(n) * divisor;
    }
};

} // namespace hookcam::detail
