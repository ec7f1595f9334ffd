// Feature extraction: what a layer makes of a picture serves another task, here to find its like among 200. The nearest
// picture's label guesses that of the picture, and the deeper the layer the better the guess.
#include "sample.hpp"

#include <hookcam/viz.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iostream>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

/// The five other pictures whose features point the most in the same direction, the nearest first.
template <class Features>
std::vector<std::size_t> nearest(Features const& features, std::size_t index) {
    std::size_t const number = features.shape()[0], size = features.size() / number;
    auto const row = [&](std::size_t i) { return features.data() + i * size; };
    std::vector<double> likeness(number);
    for (std::size_t i = 0; i < number; ++i)
        likeness[i] = std::inner_product(row(i), row(i) + size, row(index), 0.0) /
                      std::sqrt(std::inner_product(row(i), row(i) + size, row(i), 0.0));
    likeness[index] = -1e30; // not itself
    std::vector<std::size_t> order(number);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, std::greater{}, [&](std::size_t i) { return likeness[i]; });
    order.resize(5);
    return order;
}

int main(int count, char** arguments) {
    sample const all{count, arguments};
    auto const name = [&](std::size_t i) { return std::string{hc::cifar10_classes[all.pictures.label(i)]}; };
    auto const features = hc::activations<"conv3", "fc1">(all.model, all.images);

    auto const report = [&](std::string_view layer, auto const& found) {
        std::size_t right = 0;
        for (std::size_t i = 0; i < all.pictures.size(); ++i)
            right += all.pictures.label(nearest(found, i).front()) == all.pictures.label(i);
        std::cout << layer << ": like picture 102, a " << name(102) << ", are";
        for (auto const i : nearest(found, 102))
            std::cout << ' ' << name(i);
        std::cout << "; of 200 guesses " << right << " are right\n";
    };
    report("pixels", all.images);
    report("conv3", hc::get<"conv3">(features));
    report("fc1", hc::get<"fc1">(features));

    hc::figure figure{12, 2.4};
    figure.add({all.pictures.picture(102), "102: " + name(102)});
    for (auto const i : nearest(hc::get<"fc1">(features), 102))
        figure.add({all.pictures.picture(i), std::to_string(i) + ": " + name(i)});
    figure.save_png("features.png");
}
