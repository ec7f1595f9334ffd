#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../core/error.hpp"
#include "../core/files.hpp"
#include "bytes.hpp"

namespace hookcam {

/// The numbers that `.npy` files are written and read in here.
template <class T>
concept npy_number = std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, std::int64_t>;

/// What an `.npy` file holds: values in row-major order.
template <npy_number T>
struct npy_array {
    std::vector<T> values;          ///< as many as the shape says
    std::vector<std::size_t> shape; ///< empty for a single number
};

namespace detail {

/// NumPy's name of a little-endian number.
template <npy_number T>
constexpr std::string_view npy_descr() {
    return std::same_as<T, float> ? "<f4" : std::same_as<T, double> ? "<f8" : "<i8";
}

inline constexpr std::string_view npy_magic{"\x93NUMPY", 6};

/// Reads the header of an `.npy` file: a Python dict of three entries, in any order.
class npy_header {
public:
    npy_header(std::string_view text, file_context const& context) : m_rest{text}, m_context{&context} {
        expect("{");
        while (!accept("}")) {
            read_entry();
            if (!accept(",")) {
                expect("}");
                break;
            }
        }
        skip_spaces();
        if (!m_rest.empty() || descr.empty() || !has_order || !has_shape) {
            malformed();
        }
    }

    std::string_view descr;
    bool fortran_order = false;
    std::vector<std::size_t> shape;

private:
    [[noreturn]] void malformed() const {
        m_context->refuse("the header must give descr, fortran_order and shape once each");
    }

    void skip_spaces() { m_rest.remove_prefix(std::min(m_rest.find_first_not_of(" \n\t"), m_rest.size())); }

    bool accept(std::string_view token) {
        skip_spaces();
        bool const found = m_rest.starts_with(token);
        m_rest.remove_prefix(found ? token.size() : 0);
        return found;
    }

    void expect(std::string_view token) {
        if (!accept(token)) {
            malformed();
        }
    }

    std::string_view read_string() {
        skip_spaces();
        auto const quote = m_rest.substr(0, 1);
        auto const end = quote == "'" || quote == "\"" ? m_rest.find(quote, 1) : std::string_view::npos;
        if (end == std::string_view::npos) {
            malformed();
        }
        auto const text = m_rest.substr(1, end - 1);
        m_rest.remove_prefix(end + 1);
        return text;
    }

    std::size_t read_size() {
        skip_spaces();
        std::size_t size = 0;
        std::size_t digits = 0;
        for (; digits < m_rest.size() && m_rest[digits] >= '0' && m_rest[digits] <= '9'; ++digits) {
            auto const digit = static_cast<std::size_t>(m_rest[digits] - '0');
            if (size > (std::numeric_limits<std::size_t>::max() - digit) / 10) {
                malformed();
            }
            size = size * 10 + digit;
        }
        if (digits == 0) {
            malformed();
        }
        m_rest.remove_prefix(digits);
        return size;
    }

    void read_entry() {
        auto const key = read_string();
        expect(":");
        if (key == "descr" && descr.empty()) {
            descr = read_string();
        } else if (key == "fortran_order" && !has_order) {
            fortran_order = accept("True");
            if (!fortran_order) {
                expect("False");
            }
            has_order = true;
        } else if (key == "shape" && !has_shape) {
            expect("(");
            while (!accept(")")) {
                shape.push_back(read_size());
                if (!accept(",")) {
                    expect(")");
                    break;
                }
            }
            has_shape = true;
        } else {
            malformed();
        }
    }

    std::string_view m_rest;
    file_context const* m_context;
    bool has_order = false;
    bool has_shape = false;
};

} // namespace detail

/// Writes values in row-major order as an `.npy` file of version 1.0 (the format is described in the module
/// `numpy.lib.format`), little-endian, whole or not at all. Throws `error_kind::file` where that fails and
/// `error_kind::shape` where `values` has another size than the product of `shape`.
template <npy_number T>
void write_npy(std::filesystem::path const& path, std::span<T const> values,
               std::span<std::size_t const> shape) {
    detail::file_context const context{"write_npy", path.string()};
    if (detail::checked_size(shape) != values.size()) {
        throw error{error_kind::shape,
                    "hookcam::write_npy: the product of the shape must be the number of values, " +
                        std::to_string(values.size())};
    }
    std::string extents;
    for (auto extent : shape) {
        extents += extents.empty() ? "" : ", ";
        extents += std::to_string(extent);
    }
    extents += shape.size() == 1 ? "," : ""; // as Python writes a tuple of one
    std::string dict = "{'descr': '" + std::string{detail::npy_descr<T>()} +
                       "', 'fortran_order': False, 'shape': (" + extents + "), }";
    // Spaces and a line feed bring the values to a multiple of 64 bytes.
    constexpr std::size_t before_dict = 10;
    dict.resize((before_dict + dict.size() + 1 + 63) / 64 * 64 - before_dict - 1, ' ');
    dict += '\n';
    if (dict.size() > std::numeric_limits<std::uint16_t>::max()) {
        context.refuse("the shape has too many dimensions for the format");
    }
    std::string head{detail::npy_magic};
    head += {'\x01', '\x00', static_cast<char>(dict.size() & 0xff), static_cast<char>(dict.size() >> 8)};
    head += dict;

    std::vector<std::uint8_t> file(head.begin(), head.end());
    auto const append = [&file](std::span<std::byte const> bytes) {
        auto const* const first = reinterpret_cast<std::uint8_t const*>(bytes.data());
        file.insert(file.end(), first, first + bytes.size());
    };
    file.reserve(head.size() + values.size_bytes());
    if constexpr (std::endian::native == std::endian::little) {
        append(std::as_bytes(values));
    } else {
        for (auto value : values) {
            append(detail::little_endian_bytes(value));
        }
    }
    replace_file(path, file, "write_npy");
}

/// Reads an `.npy` file of `T`s that lies in memory, little-endian and row-major; `name` is what errors call it.
/// Throws `error_kind::file` where it is anything else. Memory is asked for only where the file holds as many
/// values as its shape says.
template <npy_number T>
npy_array<T> read_npy(std::span<std::byte const> file, std::string_view name = "a file in memory") {
    detail::file_context const context{"read_npy", std::string{name}};
    detail::byte_cursor cursor{file, context};
    if (detail::as_text(cursor.take(detail::npy_magic.size())) != detail::npy_magic) {
        context.refuse("the file must begin with the magic string of the .npy format");
    }
    auto const version = cursor.number<std::uint8_t>();
    cursor.take(1);
    if (version < 1 || version > 3) {
        context.refuse("the file has version " + std::to_string(version) +
                       " of its format; known are 1 to 3");
    }
    std::size_t const length = version == 1 ? cursor.number<std::uint16_t>() : cursor.number<std::uint32_t>();
    detail::npy_header header{detail::as_text(cursor.take(length)), context};
    if (header.descr != detail::npy_descr<T>() || header.fortran_order) {
        context.refuse("the file must hold row-major " + std::string{detail::npy_descr<T>()} +
                       ", and holds " + (header.fortran_order ? "column-major " : "") +
                       detail::in_quotes(header.descr));
    }
    auto const count = detail::checked_size(header.shape);
    if (!count || detail::checked_product(*count, sizeof(T)) != cursor.remaining()) {
        context.refuse("the file has " + std::to_string(cursor.remaining()) +
                       " bytes of data, which is not what its shape needs");
    }
    npy_array<T> result{std::vector<T>(*count), std::move(header.shape)};
    for (auto& value : result.values) {
        value = cursor.number<T>();
    }
    return result;
}

/// Reads an `.npy` file of `T`s.
template <npy_number T>
npy_array<T> read_npy(std::filesystem::path const& path) {
    auto const file = detail::read_file(path, {"read_npy", path.string()});
    return read_npy<T>(file, path.string());
}

} // namespace hookcam
