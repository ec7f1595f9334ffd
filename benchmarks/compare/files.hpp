#pragma once

#include <hookcam/data/normalize.hpp>
#include <hookcam/io/state_dict.hpp>
#include <hookcam/tensor/xtensor.hpp>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string_view>

namespace compare {

// What reads and writes files is compiled here once, for all works.

/// The tensors of a weight file, and the way back to a file `.safetensors`.
[[nodiscard]] hookcam::state_dict read_tensors(std::filesystem::path const& file);
void write_tensors(std::filesystem::path const& file, hookcam::state_dict const& tensors);

using pictures = xt::xtensor<float, 4>; ///< N,3,H,W

/// A file that comes with the examples.
[[nodiscard]] std::filesystem::path example_file(std::string_view name);

/// A file of the folder of reference values that HOOKCAM_SHARED_DIR names; none where it is not there.
[[nodiscard]] std::optional<std::filesystem::path> shared_file(std::string_view name);

/// The first `count` of the examples' pictures of CIFAR-10.
[[nodiscard]] pictures cifar10_pictures(std::size_t count, hookcam::normalization const& how);

/// A picture file.
[[nodiscard]] pictures photo(std::filesystem::path const& file, hookcam::normalization const& how);

/// Noise, the same each time: mean 0, deviation 1.
[[nodiscard]] pictures noise(std::size_t count, std::size_t height, std::size_t width);

} // namespace compare
