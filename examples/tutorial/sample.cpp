#include "sample.hpp"

#include <hookcam/io.hpp>

#include <filesystem>

namespace {

constexpr hc::normalization from_minus_one_to_one{.mean = {.5, .5, .5}, .deviation = {.5, .5, .5}};

std::filesystem::path folder(int count, char** arguments) {
    return count > 1 ? arguments[1] : "examples/data";
}

} // namespace

sample::sample(int count, char** arguments)
    : model{hc::load<simple_cnn>(folder(count, arguments) / "cifar10_cnn.safetensors")},
      pictures{folder(count, arguments) / "cifar10_test_200.bin"},
      images{hc::image_tensor<float>(pictures, 0, pictures.size(), from_minus_one_to_one)} {}

xt::xtensor<float, 4> sample::image(std::size_t index) const {
    return hc::image_tensor<float>(pictures, index, 1, from_minus_one_to_one);
}
