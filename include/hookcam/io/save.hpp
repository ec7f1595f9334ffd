#pragma once

#include <filesystem>

#include "../core/error.hpp"
#include "bytes.hpp"
#include "to_state_dict.hpp"
#include "write_pth.hpp"
#include "write_safetensors.hpp"

namespace hookcam {

/// Saves the model's parameters and statistics (see `to_state_dict`) in the format that the path's extension
/// names: `.safetensors`, or `.pth` or `.pt` for PyTorch's. `load` reads them back bit by bit.
///
/// Throws `error_kind::use` for another extension, and `error_kind::file` where the file cannot be written.
/// An old file is then still there: at any moment the path is the old file or the new one, whole.
template <class Model>
void save(std::filesystem::path const& path, Model const& model) {
    auto const extension = path.extension();
    bool const is_pth = extension == ".pth" || extension == ".pt";
    if (!is_pth && extension != ".safetensors") {
        throw error{error_kind::use,
                    "hookcam::save: the path must end with .safetensors, .pth or .pt, and is " +
                        detail::in_quotes(path.string()) + "; rename it"};
    }
    auto const dict = to_state_dict(model);
    if (is_pth) {
        write_pth(path, dict);
    } else {
        write_safetensors(path, dict);
    }
}

} // namespace hookcam
