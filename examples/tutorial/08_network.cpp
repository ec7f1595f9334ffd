// A network is a type, its weights come from a file, and here it runs on the CPU.
#include <hookcam/data.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/io.hpp>

#include <algorithm>
#include <concepts>
#include <filesystem>
#include <iomanip>
#include <iostream>

namespace hc = hookcam;

// The names are those of PyTorch's state dict.
using simple_cnn = hc::sequential<                                                      //
    hc::named<"conv1", hc::conv2d<3, 32, hc::kernel<3>, hc::padding<1>>>, hc::relu<>,   //
    hc::max_pool2d<2>,                                                                  //
    hc::named<"conv2", hc::conv2d<32, 64, hc::kernel<3>, hc::padding<1>>>, hc::relu<>,  //
    hc::max_pool2d<2>,                                                                  //
    hc::named<"conv3", hc::conv2d<64, 128, hc::kernel<3>, hc::padding<1>>>, hc::relu<>, //
    hc::max_pool2d<2>,                                                                  //
    hc::flatten<>,                                                                      //
    hc::named<"fc1", hc::linear<128 * 4 * 4, 512>>, hc::relu<>,                         //
    hc::named<"fc2", hc::linear<512, 10>>>;

// Every join is checked by the compiler: with 2047 in place of 128 * 4 * 4 this is not a program.
static_assert(std::same_as<hc::output_shape<simple_cnn, hc::image<3, 32, 32>>, hc::features<10>>);

int main(int count, char** arguments) {
    std::filesystem::path const folder = count > 1 ? arguments[1] : "examples/data";
    auto const model = hc::load<simple_cnn>(folder / "cifar10_cnn.safetensors"); // or a .pth
    for (auto const& [key, shape, data, size, is_learned] : model.entries())
        std::cout << std::left << std::setw(14) << key << std::right << std::setw(8) << size << '\n';
    std::cout << "parameters" << std::setw(12) << model.size() << '\n';

    // A byte becomes a number from -1 to 1: (x / 255 - mean) / deviation.
    hc::cifar10_file const pictures{folder / "cifar10_test_200.bin"};
    auto const images = hc::image_tensor<float>(pictures, 0, pictures.size(),
                                                {.mean = {.5, .5, .5}, .deviation = {.5, .5, .5}});
    auto const [low, high] = std::ranges::minmax(images);
    std::cout << "pixels from " << low << " to " << high << '\n';

    auto const logits = model(images); // 200×10, a row a picture
    std::size_t correct = 0;
    for (std::size_t i = 0; i < pictures.size(); ++i) {
        auto const* const row = &logits(i, 0);
        auto const predicted = static_cast<std::size_t>(std::max_element(row, row + 10) - row);
        correct += predicted == pictures.label(i);
        if (i < 5)
            std::cout << "picture " << i << ": " << hc::cifar10_classes[predicted] << ", truly "
                      << hc::cifar10_classes[pictures.label(i)] << '\n';
    }
    std::cout << correct << " of " << pictures.size() << " correct\n";
}
