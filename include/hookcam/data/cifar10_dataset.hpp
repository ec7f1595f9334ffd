#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "../core/error.hpp"
#include "cifar10.hpp"
#include "dataset.hpp"
#include "normalize.hpp"

namespace hookcam {

/// The training images of CIFAR-10, or those to test with.
enum class cifar10_part {
    train, ///< 50,000, of `data_batch_1.bin` to `data_batch_5.bin`
    test,  ///< 10,000, of `test_batch.bin`
};

/// From bytes to −1 … 1, as PyTorch's tutorials do it: mean and deviation 0.5.
inline constexpr normalization cifar10_half{.mean = {0.5, 0.5, 0.5}, .deviation = {0.5, 0.5, 0.5}};

/// To mean 0 and deviation 1 over the 50,000 training images of CIFAR-10.
inline constexpr normalization cifar10_own{.mean = {0.4914, 0.4822, 0.4465},
                                           .deviation = {0.2470, 0.2435, 0.2616}};

/// CIFAR-10 (A. Krizhevsky, 2009), binary version, as a data set: 3 × 32 × 32 bytes and labels 0 to 9, whose names are
/// `cifar10_classes`. Read whole when it is made, about 150 MB for training; what is missing, short or broken throws
/// `error_kind::file` then, and names the file.
class cifar10 {
public:
    /// The images of a part, from the folder of the official files or from the one above it, in which the archive was
    /// unpacked. Each file must hold its 10,000 images.
    explicit cifar10(std::filesystem::path const& folder, cifar10_part part = cifar10_part::train)
        : cifar10{read_part(folder, part)} {}

    /// The images of a file, be it whole or not.
    explicit cifar10(cifar10_file file) : m_size{file.size()} { m_files.push_back(std::move(file)); }

    /// The images of some files, one after the other, be they whole or not.
    explicit cifar10(std::vector<cifar10_file> files) : m_files{std::move(files)} {
        if (m_files.empty()) {
            throw error{error_kind::use, "hookcam::cifar10: there must be a file; give one"};
        }
        for (auto const& file : m_files) {
            m_size += file.size();
        }
    }

    /// How many images there are.
    [[nodiscard]] std::size_t size() const noexcept { return m_size; }

    /// 3 × 32 × 32.
    [[nodiscard]] static constexpr image_shape shape() noexcept {
        return {3, cifar10_file::side, cifar10_file::side};
    }

    /// Writes image `index` and returns its label. Throws `error_kind::use` where there is no such image.
    std::int64_t read(std::size_t index, image_span<std::uint8_t> image) const {
        auto const& [file, at] = find(index);
        std::ranges::copy(file.planes(at), image.values().begin());
        return static_cast<std::int64_t>(file.label(at));
    }

    /// The class of image `index`, 0 to 9.
    [[nodiscard]] std::int64_t label(std::size_t index) const {
        auto const& [file, at] = find(index);
        return static_cast<std::int64_t>(file.label(at));
    }

    /// Image `index`, 32 × 32.
    [[nodiscard]] hookcam::picture picture(std::size_t index) const {
        auto const& [file, at] = find(index);
        return file.picture(at);
    }

private:
    static constexpr std::size_t images_a_file = 10000;

    [[nodiscard]] std::pair<cifar10_file const&, std::size_t> find(std::size_t index) const {
        std::size_t at = index;
        for (auto const& file : m_files) {
            if (at < file.size()) {
                return {file, at};
            }
            at -= file.size();
        }
        throw error{error_kind::use, "hookcam::cifar10: an index must lie from 0 to " +
                                         std::to_string(m_size - 1) + "; it is " + std::to_string(index)};
    }

    static std::vector<cifar10_file> read_part(std::filesystem::path const& folder, cifar10_part part) {
        std::vector<std::string> names{"test_batch.bin"};
        if (part == cifar10_part::train) {
            names = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                     "data_batch_5.bin"};
        }
        auto const is_there = [](std::filesystem::path const& path) {
            std::error_code ignored; // reading says why
            return std::filesystem::exists(path, ignored);
        };
        auto const unpacked = folder / "cifar-10-batches-bin";
        auto const& from = !is_there(folder / names[0]) && is_there(unpacked) ? unpacked : folder;
        // All names first: it takes a moment to read the others.
        for (auto const& name : names) {
            if (!is_there(from / name)) {
                throw error{error_kind::file, "hookcam::cifar10: the folder \"" + from.string() +
                                                  "\" must hold " + name +
                                                  "; unpack CIFAR-10's binary version there"};
            }
        }
        std::vector<cifar10_file> files;
        for (auto const& name : names) {
            auto const& file = files.emplace_back(from / name);
            if (file.size() != images_a_file) {
                throw error{error_kind::file,
                            "hookcam::cifar10: \"" + (from / name).string() +
                                "\" must hold 10000 images; it holds " + std::to_string(file.size()) +
                                ", fetch it again, or name the files instead of the folder"};
            }
        }
        return files;
    }

    std::vector<cifar10_file> m_files;
    std::size_t m_size = 0;
};

} // namespace hookcam
