#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace tools {

/// The PNG and JPEG files of a folder, known by how they end (`.png`, `.JPG`), in the order of their names.
/// Throws `std::filesystem::filesystem_error` where the folder cannot be read.
[[nodiscard]] inline std::vector<std::filesystem::path> picture_files(std::filesystem::path const& folder) {
    std::vector<std::filesystem::path> files;
    for (auto const& entry : std::filesystem::directory_iterator{folder}) {
        auto extension = entry.path().extension().string();
        std::ranges::transform(extension, extension.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        });
        if (extension == ".png" || extension == ".jpg" || extension == ".jpeg")
            files.push_back(entry.path());
    }
    std::ranges::sort(files);
    return files;
}

} // namespace tools
