#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "../core/error.hpp"
#include "../core/files.hpp"
#include "bytes.hpp"
#include "check_entries.hpp"
#include "state_dict.hpp"

namespace hookcam {

/// Writes a state dict as a safetensors file (the format: `read_safetensors`), whole or not at all. The same
/// state dict makes the same bytes. Tensors lie by the size of their numbers, largest first, then by key, so
/// that each is aligned; the metadata is `{"format": "pt"}`, as PyTorch's programs expect it.
///
/// Throws `error_kind::file` where the file cannot be written, and then an old file is still there;
/// `error_kind::shape` where an entry's bytes do not fit its shape; `error_kind::use` where a key is not
/// UTF-8, or is `__metadata__`.
inline void write_safetensors(std::filesystem::path const& path, state_dict const& dict) {
    detail::check_entries(dict, "write_safetensors");
    constexpr std::string_view reserved = "__metadata__";
    if (dict.find(reserved) != nullptr) {
        throw error{error_kind::use,
                    "hookcam::write_safetensors: no key may be __metadata__, which the format "
                    "keeps for itself; name the tensor anew"};
    }

    std::vector<state_dict::const_iterator> order;
    for (auto at = dict.begin(); at != dict.end(); ++at) {
        order.push_back(at);
    }
    std::ranges::stable_sort(order, std::ranges::greater{}, [](auto at) { return size_of(at->second.type); });

    nlohmann::json header{{reserved, {{"format", "pt"}}}};
    std::size_t end = 0;
    for (auto const& at : order) {
        auto const& [key, entry] = *at;
        auto const begin = end;
        end += entry.bytes.size();
        header[key] = {
            {"dtype", name_of(entry.type)}, {"shape", entry.shape}, {"data_offsets", {begin, end}}};
    }
    auto text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' '); // as the length before it has 8 bytes, the data is aligned

    std::vector<std::uint8_t> file;
    file.reserve(sizeof(std::uint64_t) + text.size() + end);
    auto const append = [&file](auto const& bytes) {
        std::ranges::transform(bytes, std::back_inserter(file),
                               [](auto byte) { return static_cast<std::uint8_t>(byte); });
    };
    append(detail::little_endian_bytes(std::uint64_t{text.size()}));
    append(text);
    for (auto const& at : order) {
        append(at->second.bytes);
    }
    replace_file(path, file, "write_safetensors");
}

} // namespace hookcam
