// Bring your PyTorch weights (docs/how-to/pytorch-weights.md):
//   pytorch_weights                               the keys, and what is said of a file that does not fit
//   pytorch_weights NETWORK WEIGHTS INPUT LOGITS  compares with the logits that PyTorch computed
#include "../networks/cifar_resnet.hpp"
#include "../networks/simple_cnn.hpp"

#include <hookcam/hookcam.hpp>
#include <hookcam/io.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <string_view>

namespace hc = hookcam;
using networks::basic_block;

// He's ResNet-20 for CIFAR-10, with the names that its checkpoint has.
template <class Last>
using resnet20_ending_with = hc::sequential<
    hc::named<"conv1", hc::conv2d<3, 16, hc::kernel<3>, hc::padding<1>, hc::no_bias>>,
    hc::named<"bn1", hc::batch_norm2d<16>>, hc::relu<>,
    hc::named<"layer1", hc::indexed<basic_block<16, 16>, basic_block<16, 16>, basic_block<16, 16>>>,
    hc::named<"layer2", hc::indexed<basic_block<16, 32, 2>, basic_block<32, 32>, basic_block<32, 32>>>,
    hc::named<"layer3", hc::indexed<basic_block<32, 64, 2>, basic_block<64, 64>, basic_block<64, 64>>>,
    hc::adaptive_avg_pool2d<1>, hc::flatten<>, Last>;

using resnet20 = resnet20_ending_with<hc::named<"linear", hc::linear<64, 10>>>;
static_assert(std::same_as<hc::output_shape<resnet20, hc::image<3, 32, 32>>, hc::features<10>>);

// The same with another name, to see what is said then.
using renamed = resnet20_ending_with<hc::named<"fc", hc::linear<64, 10>>>;

void list_keys() {
    hc::model<resnet20> const model;
    auto const entries = model.entries();
    std::cout << entries.size() << " tensors\n";
    for (auto const& entry : entries)
        if (entry.key.starts_with("layer2.0."))
            std::cout << "  " << entry.key << ", " << entry.size << " numbers\n";
}

void show_what_does_not_fit() {
    auto const folder = std::filesystem::temp_directory_path();
    auto const file = folder / "hookcam_docs_resnet20.safetensors";
    hc::save(file, hc::model<resnet20>{});
    try {
        auto const model = hc::load<renamed>(file);
    } catch (hc::error const& wrong) {
        std::string const text = wrong.what();
        std::cout << text.substr(text.find("the keys")) << '\n';
    }

    hc::model<renamed> model;
    auto const report = hc::load_state_dict(model, hc::read_weights(file), {.strict = false});
    std::cout << report.missing.size() << " missing, " << report.unexpected.size() << " unexpected, "
              << report.mismatched.size() << " of another shape\n";
    std::filesystem::remove(file);
}

template <class Network>
float largest_difference(char const* weights, char const* input_file, char const* logits_file) {
    auto const model = hc::load<Network>(weights, {.strip_prefix = "module."});
    auto input = hc::read_npy<float>(input_file);
    auto const expected = hc::read_npy<float>(logits_file);

    auto const logits = model(xt::adapt(input.values, input.shape));
    float largest = 0;
    for (std::size_t i = 0; i < logits.size(); ++i)
        largest = std::max(largest, std::abs(logits.data()[i] - expected.values.at(i)));
    return largest;
}

int main(int count, char** arguments) {
    if (count == 5) {
        auto const compare = arguments[1] == std::string_view{"resnet20"}
                                 ? largest_difference<resnet20>
                                 : largest_difference<networks::simple_cnn>;
        auto const difference = compare(arguments[2], arguments[3], arguments[4]);
        // Both sum thousands of products in float, in other orders: logits of size 3 agree to about 1e-6.
        std::cout << (difference < 1e-4F ? "the logits agree\n" : "the logits differ\n");
        std::cerr << "largest difference: " << difference << '\n';
        return difference < 1e-4F ? 0 : 1;
    }
    list_keys();
    show_what_does_not_fit();
}
