// An adversarial image: the gradient of the loss with respect to the picture says which way to change each pixel, by
// so little that nobody sees it, for the network to see something else.
#include "sample.hpp"

#include <hookcam/autograd.hpp>

#include <algorithm>
#include <array>
#include <iomanip>
#include <iostream>

int main(int count, char** arguments) {
    sample const all{count, arguments};
    auto const image = hc::variable{all.image(102)};
    std::array const label{all.pictures.label(102)};

    // The whole model stands in the middle of a computation.
    auto const loss = cross_entropy(apply(all.model, image), label);
    loss.backward();

    auto const print = [&](float step) {
        xt::xtensor<float, 4> const changed{image.value() + step * xt::sign(image.grad())};
        auto const logits = all.model(changed);
        auto const found = std::max_element(logits.begin(), logits.end()) - logits.begin();
        std::cout << "each value changed by " << std::fixed << std::setprecision(2) << step << ": "
                  << hc::cifar10_classes[static_cast<std::size_t>(found)] << '\n';
    };
    print(0.00F);
    print(0.01F);
    print(0.02F);
    print(0.04F);
}
