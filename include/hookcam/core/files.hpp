#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

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

/// What `::open` gave, closed at the end.
class descriptor {
public:
    explicit descriptor(int number = -1) noexcept : m_number{number} {}
    descriptor(descriptor&& other) noexcept : m_number{std::exchange(other.m_number, -1)} {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(m_number, other.m_number);
        return *this;
    }
    ~descriptor() {
        if (m_number >= 0) {
            ::close(m_number);
        }
    }

    explicit operator bool() const noexcept { return m_number >= 0; }
    [[nodiscard]] int get() const noexcept { return m_number; }

private:
    int m_number;
};

/// Brings the names in a folder to the disk, where the system can: a renamed file stands at its new place
/// already, so a failure here is none of the file's.
inline void flush_names(std::filesystem::path const& folder) {
    if (descriptor const names{::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_CLOEXEC)}) {
        ::fsync(names.get());
    }
}

/// Where a path leads: the path itself, or what the symbolic link there points at, which need not be there.
inline std::filesystem::path follow_links(std::filesystem::path path) {
    constexpr int most = 40; // as Linux follows
    std::error_code is_no_link;
    for (int i = 0; i < most; ++i) {
        auto const target = std::filesystem::read_symlink(path, is_no_link);
        if (is_no_link) {
            break;
        }
        path = path.parent_path() / target; // the target alone, where that is absolute
    }
    return path;
}

/// A new file beside the one that it is to replace, gone at the end unless it took that one's place. It is
/// locked as long as its writer lives, so that the next writer can tell a file that a killed one left, and
/// remove it. Where a file system has no locks, such files stay.
class file_beside {
public:
    /// Where there can be no such file, the result tests as false, and errno says why.
    file_beside(std::filesystem::path const& path, mode_t mode) {
        for (unsigned number = 0;; ++number) {
            m_path = path;
            m_path += ".hookcam-part-" + std::to_string(number);
            int failure = create(mode);
            if (failure == EEXIST && remove_left_over()) {
                failure = create(mode);
            }
            if (failure == 0 && lock()) {
                return;
            }
            m_file = descriptor{};
            if (failure != 0 && failure != EEXIST) {
                errno = failure;
                return;
            }
        }
    }
    file_beside(file_beside const&) = delete;
    file_beside& operator=(file_beside const&) = delete;
    ~file_beside() {
        if (m_file) {
            ::unlink(m_path.c_str());
        }
    }

    explicit operator bool() const noexcept { return static_cast<bool>(m_file); }

    /// Each returns false, and sets errno, where it fails.
    bool set_mode(mode_t mode) const { return ::fchmod(m_file.get(), mode) == 0; }

    bool write(std::span<std::uint8_t const> bytes) const {
        while (!bytes.empty()) {
            auto const count = ::write(m_file.get(), bytes.data(), bytes.size());
            if (count < 0 && errno != EINTR) {
                return false;
            }
            bytes = bytes.subspan(count < 0 ? 0 : static_cast<std::size_t>(count));
        }
        return true;
    }

    /// Brings what was written to the disk itself.
    bool flush() const {
        return ::fsync(m_file.get()) == 0 || errno == EINVAL; // EINVAL: this file system has no such thing
    }

    bool take_place_of(std::filesystem::path const& path) {
        if (::rename(m_path.c_str(), path.c_str()) != 0) {
            return false;
        }
        m_file = descriptor{}; // nothing to remove
        return true;
    }

private:
    int create(mode_t mode) {
        m_file = descriptor{::open(m_path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)};
        return m_file ? 0 : errno;
    }

    /// Returns false where another writer was about to remove the file, which nobody had locked yet.
    bool lock() const {
        bool const held_by_another = ::flock(m_file.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
        return !held_by_another && is_at_path(m_file);
    }

    /// Removes a regular file that nobody has locked.
    bool remove_left_over() const {
        descriptor const old{::open(m_path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
        return old && ::flock(old.get(), LOCK_EX | LOCK_NB) == 0 && is_at_path(old) &&
               ::unlink(m_path.c_str()) == 0;
    }

    /// Whether the path names the file, a regular one, still.
    bool is_at_path(descriptor const& file) const {
        struct stat opened {};
        struct stat named {};
        return ::fstat(file.get(), &opened) == 0 && ::lstat(m_path.c_str(), &named) == 0 &&
               S_ISREG(opened.st_mode) && opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
    }

    std::filesystem::path m_path;
    descriptor m_file;
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

/// Writes a file whole or not at all: the bytes go to a new file beside the old one, to the disk, and the new
/// file then takes the name. When that fails (`error_kind::file`), the old file is still there, and nothing
/// new is. At any moment the file is the old one or the new one; a program that is killed may leave a
/// `path.hookcam-part-0` beside it, which the next call for that path removes.
///
/// A new file has the permissions that the umask gives, a replaced one keeps its own. Of a symbolic link, the
/// file that it points at is replaced. Anything but a regular file (a folder, a device, a pipe) is refused.
inline void replace_file(std::filesystem::path const& path, std::span<std::uint8_t const> bytes,
                         std::string const& entity = "replace_file") {
    auto const require = [&](bool holds) {
        if (!holds) {
            detail::throw_file_error(entity, path, "must be writable; " + detail::system_says(errno));
        }
    };
    struct stat old {};
    bool const is_there = ::stat(path.c_str(), &old) == 0;
    require(is_there || errno == ENOENT);
    if (is_there && !S_ISREG(old.st_mode)) {
        detail::throw_file_error(entity, path,
                                 std::string{"must be a regular file or not there yet, and is "} +
                                     (S_ISDIR(old.st_mode)    ? "a directory"
                                      : S_ISFIFO(old.st_mode) ? "a pipe"
                                      : S_ISSOCK(old.st_mode) ? "a socket"
                                                              : "a device") +
                                     "; choose another path");
    }
    constexpr mode_t everybody = 0666; // less what the umask says
    mode_t const mode = is_there ? old.st_mode & 0777 : everybody;
    auto const target = detail::follow_links(path);
    detail::file_beside file{target, mode};
    require(static_cast<bool>(file));
    require(!is_there || file.set_mode(mode));
    require(file.write(bytes) && file.flush() && file.take_place_of(target));
    detail::flush_names(target.parent_path());
}

} // namespace hookcam
