#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/error.hpp"

namespace hookcam::detail {

/// A piece of a file as it may stand in the text of an error: short, and without control characters.
inline std::string printable(std::string_view text) {
    constexpr std::size_t longest = 120;
    std::string result;
    for (char c : text.substr(0, longest)) {
        auto const code = static_cast<unsigned char>(c);
        result += code < 0x20 || code == 0x7f ? '?' : c;
    }
    return result + (text.size() > longest ? "..." : "");
}

inline std::string in_quotes(std::string_view text) {
    return std::string{'\''} + printable(text) + '\'';
}

/// The reader at work and the file it reads, for the text of its errors.
class file_context {
public:
    file_context(std::string_view reader, std::string file) : m_reader{reader}, m_file{std::move(file)} {}

    [[nodiscard]] std::string const& file() const noexcept { return m_file; }

    [[noreturn]] void refuse(std::string const& what) const {
        throw error{error_kind::file, "hookcam::" + m_reader + ": " + m_file + ": " + what};
    }

private:
    std::string m_reader;
    std::string m_file;
};

inline std::optional<std::size_t> checked_product(std::size_t a, std::size_t b) {
    if (b != 0 && a > std::numeric_limits<std::size_t>::max() / b) {
        return std::nullopt;
    }
    return a * b;
}

inline std::optional<std::size_t> checked_sum(std::size_t a, std::size_t b) {
    if (a > std::numeric_limits<std::size_t>::max() - b) {
        return std::nullopt;
    }
    return a + b;
}

/// The number of values in a tensor of that shape (1 for rank 0); nothing where `std::size_t` cannot hold it.
inline std::optional<std::size_t> checked_size(std::span<std::size_t const> shape) {
    if (std::ranges::find(shape, std::size_t{0}) != shape.end()) {
        return 0;
    }
    std::optional<std::size_t> size{1};
    for (auto extent : shape) {
        size = checked_product(*size, extent);
        if (!size) {
            return std::nullopt;
        }
    }
    return size;
}

/// A number that lies in memory in the given byte order, aligned or not.
template <class T, std::endian Order = std::endian::little>
T load_number(std::byte const* bytes) {
    static_assert(std::is_arithmetic_v<T>);
    std::array<std::byte, sizeof(T)> raw;
    std::memcpy(raw.data(), bytes, sizeof(T));
    if constexpr (Order != std::endian::native) {
        std::ranges::reverse(raw);
    }
    return std::bit_cast<T>(raw);
}

/// The little-endian bytes of a number.
template <class T>
std::array<std::byte, sizeof(T)> little_endian_bytes(T value) {
    static_assert(std::is_arithmetic_v<T>);
    auto raw = std::bit_cast<std::array<std::byte, sizeof(T)>>(value);
    if constexpr (std::endian::native != std::endian::little) {
        std::ranges::reverse(raw);
    }
    return raw;
}

inline std::string_view as_text(std::span<std::byte const> bytes) {
    return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

/// Walks through bytes and never past their end.
class byte_cursor {
public:
    byte_cursor(std::span<std::byte const> bytes, file_context const& context)
        : m_bytes{bytes},
          m_context{&context} {}

    [[nodiscard]] std::size_t position() const noexcept { return m_position; }
    [[nodiscard]] std::size_t remaining() const noexcept { return m_bytes.size() - m_position; }
    [[nodiscard]] file_context const& context() const noexcept { return *m_context; }

    std::span<std::byte const> take(std::size_t count) {
        if (count > remaining()) {
            m_context->refuse("the file is truncated: " + std::to_string(count) +
                              " bytes are wanted at byte " + std::to_string(m_position) + " of " +
                              std::to_string(m_bytes.size()));
        }
        auto const taken = m_bytes.subspan(m_position, count);
        m_position += count;
        return taken;
    }

    template <class T, std::endian Order = std::endian::little>
    T number() {
        return load_number<T, Order>(take(sizeof(T)).data());
    }

    /// The text up to a line feed, which is taken too.
    std::string_view line() {
        auto const rest = as_text(m_bytes.subspan(m_position));
        auto const end = rest.find('\n');
        if (end == std::string_view::npos) {
            m_context->refuse("the file is truncated: a line without an end at byte " +
                              std::to_string(m_position));
        }
        m_position += end + 1;
        return rest.substr(0, end);
    }

private:
    std::span<std::byte const> m_bytes;
    file_context const* m_context;
    std::size_t m_position = 0;
};

/// A whole regular file; another kind (a folder, a pipe) is refused, for it has no size to trust.
inline std::vector<std::byte> read_file(std::filesystem::path const& path, file_context const& context) {
    std::error_code failure;
    auto const status = std::filesystem::status(path, failure);
    if (!std::filesystem::exists(status)) {
        context.refuse("the file must exist; check the path");
    }
    if (!std::filesystem::is_regular_file(status)) {
        context.refuse("the path must be that of a regular file");
    }
    auto const size = std::filesystem::file_size(path, failure);
    std::ifstream stream{path, std::ios::binary};
    if (failure || !stream ||
        size > static_cast<std::uintmax_t>(std::numeric_limits<std::streamsize>::max())) {
        context.refuse("the file cannot be opened; check its permissions");
    }
    std::vector<std::byte> bytes(static_cast<std::size_t>(size));
    stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (static_cast<std::size_t>(stream.gcount()) != bytes.size()) {
        context.refuse("the file cannot be read to its end");
    }
    return bytes;
}

} // namespace hookcam::detail
