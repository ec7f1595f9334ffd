#pragma once

#include <hookcam/hookcam.hpp>

#include <cstddef>
#include <iomanip>
#include <iostream>
#include <string>

namespace hc = hookcam;

/// The small network of the programs about hooks.
using simple_model = hc::sequential<hc::named<"conv", hc::conv2d<1, 2, hc::kernel<3>, hc::padding<1>>>,
                                    hc::relu<>, hc::flatten<>, hc::named<"fc", hc::linear<32, 10>>>;

struct setting {
    hc::model<simple_model> model;
    xt::xtensor<float, 4> image; ///< 1×1×4×4
};

/// Weights that can be followed by hand: kernel 1 finds edges between left and right, kernel 2 those between above
/// and below, and every output is a tenth of the sum of what ReLU lets through. The image is a bright square. A
/// program's argument names a weight file to take instead, with the image as `x`.
setting make_setting(int count, char** arguments);

/// `(1, 2, 4, 4)`
std::string shape_text(auto const& tensor) {
    std::string text;
    for (auto const size : tensor.shape()) {
        text += text.empty() ? "(" : ", ";
        text += std::to_string(size);
    }
    return text + ')';
}

/// Prints one channel of the first image, a line a row.
void print_channel(auto const& tensor, std::size_t channel) {
    for (std::size_t y = 0; y < tensor.shape()[2]; ++y) {
        for (std::size_t x = 0; x < tensor.shape()[3]; ++x)
            std::cout << std::setw(12) << tensor(0, channel, y, x);
        std::cout << '\n';
    }
}
