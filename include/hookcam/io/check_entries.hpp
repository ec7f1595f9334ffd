#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "../core/error.hpp"
#include "bytes.hpp"
#include "state_dict.hpp"

namespace hookcam::detail {

/// What every format asks of a state dict before it is written: keys in UTF-8, and as many bytes as the
/// shapes say. `writer` is who asks, for the text of the error.
inline void check_entries(state_dict const& dict, std::string const& writer) {
    for (auto const& [key, entry] : dict) {
        try {
            (void)nlohmann::json(key).dump();
        } catch (nlohmann::json::type_error const&) {
            throw error{error_kind::use, "hookcam::" + writer + ": the key " + in_quotes(key) +
                                             " must be UTF-8; name the tensor anew"};
        }
        auto const count = checked_size(entry.shape);
        if (!count || checked_product(*count, size_of(entry.type)) != entry.bytes.size()) {
            throw error{error_kind::shape, "hookcam::" + writer + ": the entry " + in_quotes(key) + " has " +
                                               std::to_string(entry.bytes.size()) +
                                               " bytes, and must have as many as its shape and type need"};
        }
    }
}

} // namespace hookcam::detail
