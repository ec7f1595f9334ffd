#include "read_lines.hpp"

#include <hookcam/core/files.hpp>

#include <cstddef>
#include <sstream>

namespace tools {

std::vector<std::string> read_lines(std::filesystem::path const& path) {
    auto const bytes = hookcam::read_file_bytes(path, "read_lines", std::size_t{16} << 20);
    std::istringstream text{std::string{bytes.begin(), bytes.end()}};
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) {
        if (line.ends_with('\r'))
            line.pop_back();
        lines.push_back(line);
    }
    return lines;
}

} // namespace tools
