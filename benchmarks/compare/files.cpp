#include "files.hpp"

#include <hookcam/data.hpp>
#include <hookcam/io/read_weights.hpp>
#include <hookcam/io/write_safetensors.hpp>

#include <algorithm>
#include <cstdlib>
#include <random>

namespace compare {

namespace fs = std::filesystem;

hookcam::state_dict read_tensors(fs::path const& file) {
    return hookcam::read_weights(file);
}

void write_tensors(fs::path const& file, hookcam::state_dict const& tensors) {
    hookcam::write_safetensors(file, tensors);
}

fs::path example_file(std::string_view name) {
    return fs::path{HOOKCAM_SOURCE_DIR} / "examples" / "data" / name;
}

std::optional<fs::path> shared_file(std::string_view name) {
    auto const* const given = std::getenv("HOOKCAM_SHARED_DIR");
    auto file = fs::path{given != nullptr ? given : HOOKCAM_SHARED_DIR} / name;
    std::error_code failure;
    return fs::is_regular_file(file, failure) ? std::optional{std::move(file)} : std::nullopt;
}

pictures cifar10_pictures(std::size_t count, hookcam::normalization const& how) {
    return hookcam::image_tensor<float>(hookcam::cifar10_file{example_file("cifar10_test_200.bin")}, 0, count,
                                        how);
}

pictures photo(fs::path const& file, hookcam::normalization const& how) {
    auto const one = hookcam::image_tensor<float>(hookcam::load_picture(file), how);
    auto result = pictures::from_shape({1, one.shape()[0], one.shape()[1], one.shape()[2]});
    std::copy(one.begin(), one.end(), result.begin());
    return result;
}

pictures noise(std::size_t count, std::size_t height, std::size_t width) {
    std::mt19937 random{7};
    std::normal_distribution<float> normal;
    auto result = pictures::from_shape({count, 3, height, width});
    std::generate(result.begin(), result.end(), [&] { return normal(random); });
    return result;
}

} // namespace compare
