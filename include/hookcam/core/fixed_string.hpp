#pragma once

#include <cstddef>
#include <string_view>

namespace hookcam {

/// A string that can be a template argument: `named<"conv1", …>`.
template <std::size_t Size>
struct fixed_string {
    char characters[Size]{}; ///< with the closing zero

    /// From a string literal.
    constexpr fixed_string(char const (&text)[Size]) noexcept {
        for (std::size_t i = 0; i < Size; ++i)
            characters[i] = text[i];
    }

    /// The string, without the closing zero.
    [[nodiscard]] constexpr std::string_view view() const noexcept { return {characters, Size - 1}; }
};

/// A string spelled out as characters, for compile errors: clang 14 prints a `fixed_string` as numbers.
template <char... Characters>
struct text {};

} // namespace hookcam
