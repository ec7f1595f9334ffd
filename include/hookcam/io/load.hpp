#pragma once

#include <filesystem>

#include "../plan/model.hpp"
#include "load_state_dict.hpp"
#include "read_weights.hpp"

namespace hookcam {

/// A model of that network with the weights of a file: PyTorch's `.pth`, `.pt`, `.th`, or safetensors, told
/// apart by the content. Throws `error_kind::file` where the file is broken (see `read_weights`) or does not
/// fit (see `load_state_dict`). With `strict` off, what does not load stays as a new model has it.
template <class Network, class T = float>
model<Network, T> load(std::filesystem::path const& path, load_options const& options = {}) {
    model<Network, T> result;
    load_state_dict(result, read_weights(path), options);
    return result;
}

} // namespace hookcam
