#pragma once

#include "real.hpp"

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace hookcam::detail {

template <class T>
[[nodiscard]] constexpr std::string_view raw_type_name() noexcept {
    return __PRETTY_FUNCTION__;
}

/// What the compiler prints around a type's name, found once with a type whose name is known.
inline constexpr std::size_t name_prefix = raw_type_name<int>().find("int");
inline constexpr std::size_t name_suffix = raw_type_name<int>().size() - name_prefix - 3;

inline void replace_all(std::string& text, std::string_view what, std::string_view with) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
}

/// g++ prints a `real` as `real{4562254508917369340}`, clang as `{4562254508917369340}`: both become `0.001`.
inline void spell_reals(std::string& text) {
    for (auto open = text.find('{'); open != std::string::npos; open = text.find('{', open + 1)) {
        auto const close = text.find('}', open);
        if (close == std::string::npos)
            return;
        std::uint64_t bits = 0;
        auto const end = text.data() + close;
        if (std::from_chars(text.data() + open + 1, end, bits).ptr != end)
            continue;
        char digits[32];
        auto const written = std::to_chars(digits, digits + sizeof digits, std::bit_cast<double>(bits)).ptr;
        auto const start = open >= 4 && text.compare(open - 4, 4, "real") == 0 ? open - 4 : open;
        text.replace(start, close + 1 - start, digits, static_cast<std::size_t>(written - digits));
        open = start;
    }
}

/// The name of a type as its user writes it, the same from g++ and clang:
/// `conv2d<1, 2, kernel<3>, padding<1>>`.
template <class T>
[[nodiscard]] std::string type_name_of() {
    constexpr auto raw = raw_type_name<T>();
    std::string name{raw.substr(name_prefix, raw.size() - name_prefix - name_suffix)};
    replace_all(name, "hookcam::", "");
    while (name.find("> >") != std::string::npos)
        replace_all(name, "> >", ">>");
    spell_reals(name);
    return name;
}

} // namespace hookcam::detail
