#include <hookcam/hookcam.hpp>

#include <iostream>

namespace hc = hookcam;

using net = hc::sequential<hc::named<"conv", hc::conv2d<1, 2, hc::kernel<3>, hc::padding<1>>>, hc::relu<>,
                           hc::flatten<>, hc::named<"fc", hc::linear<32, 10>>>;

int main() {
    hc::model<net> model;
    xt::xtensor<float, 4> const image = xt::zeros<float>({1, 1, 4, 4});
    auto const logits = model(image);
    std::cout << logits.shape(0) << " x " << logits.shape(1) << '\n';
    return logits.shape(0) == 1 && logits.shape(1) == 10 ? 0 : 1;
}
