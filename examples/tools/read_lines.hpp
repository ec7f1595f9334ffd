#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace tools {

/// The lines of a text file without their ends, be they Unix's or Windows's. Throws `hookcam::error` of
/// `error_kind::file` where it cannot be read or holds more than 16 MiB.
[[nodiscard]] std::vector<std::string> read_lines(std::filesystem::path const& path);

} // namespace tools
