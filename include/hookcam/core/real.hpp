#pragma once

#include <bit>
#include <cstdint>

namespace hookcam {

/// A real number that can be a template argument (`eps<1e-3>`). clang 14 refuses `double` there, so the type
/// keeps the bits.
struct real {
    std::uint64_t bits; ///< of the IEEE 754 double

    /// Keeps the bits of a number.
    constexpr real(double value) noexcept : bits{std::bit_cast<std::uint64_t>(value)} {}

    /// The number.
    [[nodiscard]] constexpr double value() const noexcept { return std::bit_cast<double>(bits); }
};

} // namespace hookcam
