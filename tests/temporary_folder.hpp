#pragma once

#include <cstddef>
#include <filesystem>
#include <iterator>
#include <random>
#include <string>
#include <system_error>

/// A folder of a test's own, gone with everything in it at the end of its scope.
class temporary_folder {
public:
    temporary_folder()
        : m_path{std::filesystem::temp_directory_path() /
                 ("hookcam-test-" + std::to_string(std::random_device{}()) +
                  std::to_string(std::random_device{}()))} {
        std::filesystem::create_directory(m_path);
    }
    temporary_folder(temporary_folder const&) = delete;
    temporary_folder& operator=(temporary_folder const&) = delete;
    ~temporary_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(m_path, ignored);
    }

    [[nodiscard]] std::filesystem::path operator/(std::string const& name) const { return m_path / name; }

    /// How many files there are.
    [[nodiscard]] std::size_t size() const {
        using iterator = std::filesystem::directory_iterator;
        return static_cast<std::size_t>(std::distance(iterator{m_path}, iterator{}));
    }

private:
    std::filesystem::path m_path;
};
