// The program that the README shows: readme WEIGHTS TEST_BATCH
// clang-format off
#include <hookcam/data.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/io.hpp>
#include <iostream>
namespace hc = hookcam;
using simple_cnn = hc::sequential<
    hc::named<"conv1", hc::conv2d<3, 32, hc::kernel<3>, hc::padding<1>>>, hc::relu<>, hc::max_pool2d<2>,
    hc::named<"conv2", hc::conv2d<32, 64, hc::kernel<3>, hc::padding<1>>>, hc::relu<>, hc::max_pool2d<2>,
    hc::named<"conv3", hc::conv2d<64, 128, hc::kernel<3>, hc::padding<1>>>, hc::relu<>, hc::max_pool2d<2>,
    hc::flatten<>, hc::named<"fc1", hc::linear<2048, 512>>, hc::relu<>, hc::named<"fc2", hc::linear<512, 10>>>;
int main(int, char** argv) {
    auto const model = hc::load<simple_cnn>(argv[1]); // weights: PyTorch's .pth, or .safetensors
    auto const image = hc::image_tensor<float>(hc::cifar10_file{argv[2]}, 102, 1, {.mean = {.5, .5, .5}, .deviation = {.5, .5, .5}});
    auto const watched = hc::attach<"conv3">(model, hc::on_forward([](auto const& layer, auto const&, auto const& output) {
        std::cout << layer.path() << ", a " << layer.type_name() << ", makes " << output.shape()[1] << " maps\n"; }));
    auto const cam = hc::grad_cam<"conv3">(watched, image);
    std::cout << "a " << hc::cifar10_classes[cam.target[0]] << "; evidence at row 25, column 13: " << cam.heatmap(0, 25, 13) << '\n';
}
