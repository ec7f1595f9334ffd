#pragma once

#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../core/error.hpp"
#include "bytes.hpp"

namespace hookcam {

/// The types of numbers that weight files hold.
enum class dtype {
    f64,     ///< IEEE 754 binary64
    f32,     ///< IEEE 754 binary32
    f16,     ///< IEEE 754 binary16
    bf16,    ///< the upper half of a binary32
    i64,     ///< signed, 64 bits
    i32,     ///< signed, 32 bits
    i16,     ///< signed, 16 bits
    i8,      ///< signed, 8 bits
    u8,      ///< unsigned, 8 bits
    boolean, ///< a byte, 0 for false
};

/// Bytes of one number.
constexpr std::size_t size_of(dtype type) noexcept {
    switch (type) {
    case dtype::f64:
    case dtype::i64:
        return 8;
    case dtype::f32:
    case dtype::i32:
        return 4;
    case dtype::f16:
    case dtype::bf16:
    case dtype::i16:
        return 2;
    case dtype::i8:
    case dtype::u8:
    case dtype::boolean:
        break;
    }
    return 1;
}

/// Whether the numbers are floating-point.
constexpr bool is_floating(dtype type) noexcept {
    return type == dtype::f64 || type == dtype::f32 || type == dtype::f16 || type == dtype::bf16;
}

/// The name that safetensors gives a type: `F32`, `BOOL`, ...
constexpr std::string_view name_of(dtype type) noexcept {
    constexpr std::string_view names[] = {"F64", "F32", "F16", "BF16", "I64",
                                          "I32", "I16", "I8",  "U8",   "BOOL"};
    return names[static_cast<std::size_t>(type)];
}

namespace detail {

/// IEEE 754 binary16, given by its bits; every value of it is a float.
inline float half_to_float(std::uint16_t half) {
    std::uint32_t const sign = (half & 0x8000u) << 16;
    std::uint32_t const exponent = (half >> 10) & 0x1fu;
    std::uint32_t const fraction = half & 0x3ffu;
    if (exponent == 0) { // zero or subnormal: fraction * 2^-24
        auto const magnitude = std::ldexp(static_cast<float>(fraction), -24);
        return sign != 0 ? -magnitude : magnitude;
    }
    auto const wide_exponent = exponent == 0x1f ? 0xffu : exponent + (127 - 15);
    return std::bit_cast<float>(sign | wide_exponent << 23 | fraction << 13);
}

/// bfloat16 is the upper half of a float.
inline float bfloat_to_float(std::uint16_t bfloat) {
    return std::bit_cast<float>(std::uint32_t{bfloat} << 16);
}

/// What number `Type` is in C++ and how one is read from its little-endian bytes.
template <dtype Type>
auto load_value(std::byte const* bytes) {
    if constexpr (Type == dtype::f64) {
        return load_number<double>(bytes);
    } else if constexpr (Type == dtype::f32) {
        return load_number<float>(bytes);
    } else if constexpr (Type == dtype::f16) {
        return half_to_float(load_number<std::uint16_t>(bytes));
    } else if constexpr (Type == dtype::bf16) {
        return bfloat_to_float(load_number<std::uint16_t>(bytes));
    } else if constexpr (Type == dtype::i64) {
        return load_number<std::int64_t>(bytes);
    } else if constexpr (Type == dtype::i32) {
        return load_number<std::int32_t>(bytes);
    } else if constexpr (Type == dtype::i16) {
        return load_number<std::int16_t>(bytes);
    } else if constexpr (Type == dtype::i8) {
        return load_number<std::int8_t>(bytes);
    } else if constexpr (Type == dtype::u8) {
        return load_number<std::uint8_t>(bytes);
    } else {
        return static_cast<std::uint8_t>(*bytes != std::byte{0});
    }
}

} // namespace detail

/// One tensor of a state dict: its numbers as they lie in the file.
struct state_entry {
    dtype type = dtype::f32;        ///< of its numbers
    std::vector<std::size_t> shape; ///< empty for a single number (rank 0)
    std::vector<std::byte> bytes;   ///< little-endian, contiguous, row-major: `size() * size_of(type)` bytes

    /// The number of values.
    [[nodiscard]] std::size_t size() const noexcept { return bytes.size() / size_of(type); }

    /// The values as `float`, `double` or `std::int64_t`. To a floating-point type everything converts:
    /// exactly where it can hold the value, else rounded to nearest. To `std::int64_t` only integers and
    /// booleans convert; throws `error_kind::use` for the others.
    template <class T>
    [[nodiscard]] std::vector<T> to() const {
        static_assert(std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, std::int64_t>,
                      "hookcam::state_entry::to<T>: T must be float, double or std::int64_t");
        switch (type) {
        case dtype::f64:
            return converted<dtype::f64, T>();
        case dtype::f32:
            return converted<dtype::f32, T>();
        case dtype::f16:
            return converted<dtype::f16, T>();
        case dtype::bf16:
            return converted<dtype::bf16, T>();
        case dtype::i64:
            return converted<dtype::i64, T>();
        case dtype::i32:
            return converted<dtype::i32, T>();
        case dtype::i16:
            return converted<dtype::i16, T>();
        case dtype::i8:
            return converted<dtype::i8, T>();
        case dtype::u8:
            return converted<dtype::u8, T>();
        case dtype::boolean:
            break;
        }
        return converted<dtype::boolean, T>();
    }

private:
    template <dtype Type, class T>
    std::vector<T> converted() const {
        using stored = decltype(detail::load_value<Type>(nullptr));
        if constexpr (std::integral<T> && std::floating_point<stored>) {
            throw error{error_kind::use,
                        "hookcam::state_entry::to<std::int64_t>: the entry must hold integers, and holds " +
                            std::string{name_of(Type)} + "; convert to float or double"};
        } else {
            std::vector<T> values(size());
            for (std::size_t i = 0; i < values.size(); ++i) {
                values[i] = static_cast<T>(detail::load_value<Type>(bytes.data() + i * size_of(Type)));
            }
            return values;
        }
    }
};

/// The tensors of a weight file by their keys (`layer1.0.conv1.weight`), in the order of the keys.
class state_dict {
public:
    /// Over pairs of a key and a `state_entry`.
    using const_iterator = std::map<std::string, state_entry, std::less<>>::const_iterator;

    state_dict() = default;

    /// `source` is what errors call it: usually the file's name.
    explicit state_dict(std::string source) : m_source{std::move(source)} {}

    /// What errors call it.
    [[nodiscard]] std::string const& source() const noexcept { return m_source; }
    /// The number of tensors.
    [[nodiscard]] std::size_t size() const noexcept { return m_entries.size(); }
    /// True where there is none.
    [[nodiscard]] bool empty() const noexcept { return m_entries.empty(); }
    /// The first by its key.
    [[nodiscard]] const_iterator begin() const noexcept { return m_entries.begin(); }
    /// Behind the last.
    [[nodiscard]] const_iterator end() const noexcept { return m_entries.end(); }

    /// The entry of that key, or a null pointer; it stays valid until the state dict dies.
    [[nodiscard]] state_entry const* find(std::string_view key) const {
        auto const found = m_entries.find(key);
        return found == m_entries.end() ? nullptr : &found->second;
    }

    /// Adds an entry and returns true; returns false, and changes nothing, where the key is there already.
    bool insert(std::string key, state_entry entry) {
        return m_entries.try_emplace(std::move(key), std::move(entry)).second;
    }

    /// Whether there are entries and the keys of all of them begin with `prefix`.
    [[nodiscard]] bool has_prefix(std::string_view prefix) const {
        // The keys are sorted: those with a common prefix lie between two that have it.
        return !empty() && m_entries.begin()->first.starts_with(prefix) &&
               m_entries.rbegin()->first.starts_with(prefix);
    }

    /// Cuts `prefix` (`"module."`) off all keys, if all have it; returns whether it did.
    bool strip_prefix(std::string_view prefix) {
        if (prefix.empty() || !has_prefix(prefix)) {
            return false;
        }
        decltype(m_entries) stripped;
        while (!m_entries.empty()) {
            auto node = m_entries.extract(m_entries.begin());
            node.key().erase(0, prefix.size());
            stripped.insert(stripped.end(), std::move(node));
        }
        m_entries = std::move(stripped);
        return true;
    }

private:
    std::map<std::string, state_entry, std::less<>> m_entries;
    std::string m_source = "a state dict in memory";
};

} // namespace hookcam
