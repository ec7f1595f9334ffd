#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "bytes.hpp"
#include "pth.hpp"
#include "safetensors.hpp"
#include "state_dict.hpp"

namespace hookcam {

/// Reads a weight file of any known format that lies in memory. The format is told by the content, whatever
/// the file is called: a zip archive or a pickle is PyTorch's, a JSON header at byte 8 is that of
/// safetensors. Throws `error_kind::file`. Allocates at most `max_allocation`.
inline state_dict read_weights(std::span<std::byte const> file, std::string_view name = "a file in memory") {
    auto const text = detail::as_text(file);
    if (text.size() > 8 && text[8] == '{') {
        return read_safetensors(file, name);
    }
    if (detail::is_zip(file) || text.starts_with('\x80')) {
        return read_pth(file, name);
    }
    detail::file_context{"read_weights", std::string{name}}.refuse(
        "the file must be of safetensors' or of torch.save's format");
}

/// Reads a weight file of any known format.
inline state_dict read_weights(std::filesystem::path const& path) {
    auto const file = detail::read_file(path, {"read_weights", path.string()});
    return read_weights(file, path.string());
}

} // namespace hookcam
