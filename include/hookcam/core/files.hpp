#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#if __has_include(<unistd.h>)
#include <fcntl.h>
#include <unistd.h>
#endif

#include "error.hpp"

namespace hookcam {

namespace detail {

struct close_file {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using file_handle = std::unique_ptr<std::FILE, close_file>;

[[noreturn]] inline void throw_file_error(std::string const& entity, std::filesystem::path const& path,
                                          std::string const& what) {
    throw error{error_kind::file, "hookcam::" + entity + ": \"" + path.string() + "\" " + what};
}

/// What the system says about its latest failure.
inline std::string system_says(int code) {
    return std::generic_category().message(code);
}

/// Brings what was written to the disk itself. Returns false, and sets errno, where that fails.
inline bool flush(std::FILE* file) {
    if (std::fflush(file) != 0) {
        return false;
    }
#if __has_include(<unistd.h>)
    return ::fsync(::fileno(file)) == 0 || errno == EINVAL; // EINVAL: this file system has no such thing
#else
    return true;
#endif
}

/// Brings the names in a folder to the disk, where the system can: a renamed file stands at its new place
/// already, so a failure here is none of the file's.
inline void flush_names([[maybe_unused]] std::filesystem::path const& folder) {
#if __has_include(<unistd.h>)
    int const descriptor = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0) {
        ::fsync(descriptor);
        ::close(descriptor);
    }
#endif
}

/// Removes a file on the way out, unless told that it reached its place.
class temporary_file {
public:
    explicit temporary_file(std::filesystem::path path) : m_path{std::move(path)} {}
    temporary_file(temporary_file const&) = delete;
    temporary_file& operator=(temporary_file const&) = delete;
    ~temporary_file() {
        if (!m_path.empty()) {
            std::error_code ignored;
            std::filesystem::remove(m_path, ignored);
        }
    }
    void keep() noexcept { m_path.clear(); }

private:
    std::filesystem::path m_path;
};

} // namespace detail

/// All bytes of a file. `entity` is who asks, for the text of an error (`error_kind::file`): the file cannot
/// be opened or read, or holds more than `limit` bytes. Reads to the end instead of asking for the size, so a
/// directory, a pipe or an endless device ends in an error or in its bytes, never in a wild allocation.
inline std::vector<std::uint8_t>
read_file_bytes(std::filesystem::path const& path, std::string const& entity = "read_file_bytes",
                std::size_t limit = std::numeric_limits<std::size_t>::max()) {
    detail::file_handle const file{std::fopen(path.c_str(), "rb")};
    if (!file) {
        detail::throw_file_error(entity, path, "must be readable; " + detail::system_says(errno));
    }
    std::vector<std::uint8_t> bytes;
    std::vector<std::uint8_t> block(std::size_t{1} << 16);
    while (auto const count = std::fread(block.data(), 1, block.size(), file.get())) {
        if (count > limit - bytes.size()) {
            detail::throw_file_error(entity, path,
                                     "must not be larger than " + std::to_string(limit) + " bytes");
        }
        bytes.insert(bytes.end(), block.data(), block.data() + count);
    }
    if (std::ferror(file.get()) != 0) {
        detail::throw_file_error(entity, path, "must be readable; " + detail::system_says(errno));
    }
    return bytes;
}

/// Writes a file whole or not at all: the bytes go to a new file beside `path`, to the disk, and the file
/// then takes the name. When that fails (`error_kind::file`), what was at `path` is still there, and nothing
/// new is. At any moment `path` is the old file or the new one; a program that is killed may leave a
/// `path.part-NUMBER`.
inline void replace_file(std::filesystem::path const& path, std::span<std::uint8_t const> bytes,
                         std::string const& entity = "replace_file") {
    auto const fail = [&](int code) {
        detail::throw_file_error(entity, path, "must be writable; " + detail::system_says(code));
    };
    auto beside = path;
    beside += ".part-" + std::to_string(std::random_device{}());
    detail::file_handle file{std::fopen(beside.c_str(), "wbx")}; // x: never somebody else's file
    if (!file) {
        fail(errno);
    }
    detail::temporary_file guard{beside};
    bool const written = (bytes.empty() || std::fwrite(bytes.data(), bytes.size(), 1, file.get()) == 1) &&
                         detail::flush(file.get());
    int const write_error = errno;
    bool const closed = std::fclose(file.release()) == 0;
    if (!written || !closed) {
        fail(written ? errno : write_error);
    }
    std::error_code code;
    std::filesystem::rename(beside, path, code);
    if (code) {
        fail(code.value());
    }
    guard.keep();
    detail::flush_names(path.parent_path());
}

} // namespace hookcam
