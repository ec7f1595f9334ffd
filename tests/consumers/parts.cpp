// Weights, pictures and figures: what goes out through the libraries that hookcam's parts stand on comes back in.
#include <hookcam/data.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/io.hpp>
#include <hookcam/viz.hpp>

#include <iostream>

namespace hc = hookcam;

using net = hc::named<"conv", hc::conv2d<1, 2, hc::kernel<3>, hc::no_bias>>;

int main() {
    hc::model<net> const model;
    hc::save("consumer.pth", model);
    auto const weights = hc::read_weights("consumer.pth");

    hc::figure figure{3, 2};
    figure.add({hc::picture{4, 4}, "nothing to see"});
    auto const drawn = hc::decode_picture(hc::encode_png(figure.draw()));
    std::cout << drawn.height() << " x " << drawn.width() << ", " << weights.begin()->first << '\n';
}
