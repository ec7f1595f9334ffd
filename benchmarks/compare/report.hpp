#pragma once

#include "measure.hpp"

#include <filesystem>
#include <span>
#include <string>

namespace compare {

/// The line above a table's rows, and one of its rows.
[[nodiscard]] std::string table_head();
[[nodiscard]] std::string table_line(row const& of);

/// Writes rows as one JSON array of objects.
void write_json(std::filesystem::path const& file, std::span<row const> rows);

} // namespace compare
