#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../core/error.hpp"
#include "../core/files.hpp"
#include "picture.hpp"

namespace hookcam {

/// The classes of CIFAR-10, by label.
inline constexpr std::array<std::string_view, 10> cifar10_classes{
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};

/// A file of CIFAR-10's binary version (https://www.cs.toronto.edu/~kriz/cifar.html), read whole: records of
/// a label byte, 0 to 9, and 3072 bytes of pixels, 3 × 32 × 32: the red plane, the green, the blue,
/// row-major. A file that is not that throws `error_kind::file`, an index out of range `error_kind::use`;
/// both name the file.
class cifar10_file {
public:
    static constexpr std::size_t side = 32;                          ///< of a picture, in pixels
    static constexpr std::size_t plane_bytes = side * side;          ///< of one colour
    static constexpr std::size_t record_bytes = 1 + 3 * plane_bytes; ///< label and pixels

    /// Reads a file such as `test_batch.bin`.
    explicit cifar10_file(std::filesystem::path const& path)
        : cifar10_file{read_file_bytes(path, "cifar10_file"), '"' + path.string() + '"'} {}

    /// Takes the bytes of such a file; `name` stands for them in the text of an error.
    explicit cifar10_file(std::vector<std::uint8_t> bytes, std::string name = "the bytes")
        : m_name{std::move(name)},
          m_bytes{std::move(bytes)} {
        if (m_bytes.empty() || m_bytes.size() % record_bytes != 0) {
            refuse(
                "one or more whole records of 3073 bytes, as the binary version of CIFAR-10 does; it has " +
                std::to_string(m_bytes.size()) + " bytes");
        }
        for (std::size_t i = 0; i < size(); ++i) {
            if (auto const label = m_bytes[i * record_bytes]; label >= cifar10_classes.size()) {
                refuse("labels from 0 to 9; record " + std::to_string(i) + " of " + std::to_string(size()) +
                       " has label " + std::to_string(label));
            }
        }
    }

    /// How many pictures there are; at least one.
    [[nodiscard]] std::size_t size() const noexcept { return m_bytes.size() / record_bytes; }

    /// The class of picture `index`, 0 to 9.
    [[nodiscard]] std::size_t label(std::size_t index) const { return record(index)[0]; }

    /// The pixels of picture `index` as the file has them, 3 × 32 × 32. Good as long as this object.
    [[nodiscard]] std::span<std::uint8_t const> planes(std::size_t index) const& {
        return record(index).subspan(1);
    }
    void planes(std::size_t) const&& = delete; // would dangle

    /// Picture `index`, 32 × 32.
    [[nodiscard]] hookcam::picture picture(std::size_t index) const {
        auto const from = record(index).subspan(1);
        hookcam::picture result{side, side};
        auto const to = result.bytes();
        for (std::size_t i = 0; i < to.size(); ++i) {
            to[i] = from[i % 3 * plane_bytes + i / 3];
        }
        return result;
    }

private:
    [[noreturn]] void refuse(std::string const& what) const {
        throw error{error_kind::file, "hookcam::cifar10_file: " + m_name + " must hold " + what};
    }

    [[nodiscard]] std::span<std::uint8_t const> record(std::size_t index) const {
        if (index >= size()) {
            throw error{error_kind::use, "hookcam::cifar10_file: an index into " + m_name +
                                             " must lie from 0 to " + std::to_string(size() - 1) +
                                             "; it is " + std::to_string(index)};
        }
        return std::span{m_bytes}.subspan(index * record_bytes, record_bytes);
    }

    std::string m_name;
    std::vector<std::uint8_t> m_bytes;
};

} // namespace hookcam
