// Compares both units with a few slow loops in double, each with a model that it made itself and one that the other made.
#include "network.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <iostream>

namespace {

constexpr std::size_t maps_of_conv = 16;
constexpr std::size_t classes = 10;
constexpr std::size_t side = 20;

struct expectation {
    std::array<double, classes> logits{};
    std::array<double, side * side> raw{};
};

expectation compute(hc::model<net> const& model, images const& input) {
    auto const kernel = model.parameter("conv.weight");
    auto const kernel_bias = model.parameter("conv.bias");
    auto const weight = model.parameter("fc.weight");
    auto const bias = model.parameter("fc.bias");

    std::array<std::array<double, side * side>, maps_of_conv> activation{};
    std::array<double, maps_of_conv> mean{};
    std::array<double, maps_of_conv> alive{}; // the share of pixels that ReLU lets through
    for (std::size_t k = 0; k < maps_of_conv; ++k) {
        for (std::size_t y = 0; y < side; ++y) {
            for (std::size_t x = 0; x < side; ++x) {
                double sum = kernel_bias(k);
                for (std::size_t c = 0; c < 3; ++c)
                    for (std::size_t i = 0; i < 3; ++i)
                        for (std::size_t j = 0; j < 3; ++j)
                            if (y + i >= 1 && y + i <= side && x + j >= 1 && x + j <= side)
                                sum += static_cast<double>(kernel(k, c, i, j)) *
                                       input(0, c, y + i - 1, x + j - 1);
                activation[k][y * side + x] = sum;
                mean[k] += std::max(sum, 0.0) / (side * side);
                alive[k] += (sum > 0 ? 1.0 : 0.0) / (side * side);
            }
        }
    }

    expectation result;
    for (std::size_t n = 0; n < classes; ++n) {
        result.logits[n] = bias(n);
        for (std::size_t k = 0; k < maps_of_conv; ++k)
            result.logits[n] += static_cast<double>(weight(n, k)) * mean[k];
    }
    auto const target =
        static_cast<std::size_t>(std::ranges::max_element(result.logits) - result.logits.begin());
    for (std::size_t pixel = 0; pixel < side * side; ++pixel) {
        double sum = 0;
        for (std::size_t k = 0; k < maps_of_conv; ++k)
            sum += static_cast<double>(weight(target, k)) * alive[k] / (side * side) * activation[k][pixel];
        result.raw[pixel] = std::max(sum, 0.0);
    }
    return result;
}

// A sum of 27 products in float is good to 27 · 2⁻²⁴ of its largest term: 2e-6. Five times that.
void compare(char const* what, auto const& found, auto const& expected) {
    double largest = 0;
    double difference = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        largest = std::max(largest, std::abs(expected[i]));
        difference = std::max(difference, std::abs(expected[i] - static_cast<double>(found.data()[i])));
    }
    if (found.size() != expected.size() || !(largest > 0) || !(difference <= 1e-5 * largest)) {
        std::cout << what << " is wrong by " << difference << ", its largest value is " << largest << '\n';
        std::exit(1);
    }
}

} // namespace

int main() {
    images input = images::from_shape({1, 3, side, side});
    for (std::size_t i = 0; i < input.size(); ++i)
        input.data()[i] = static_cast<float>(i * 104729 % 97) / 97 - 0.25F;

    for (auto const& model : {plain::make_model(), wide::make_model()}) {
        auto const expected = compute(model, input);
        compare("plain::logits", plain::logits(model, input), expected.logits);
        compare("wide::logits", wide::logits(model, input), expected.logits);
        compare("plain::explain", plain::explain(model, input), expected.raw);
        compare("wide::explain", wide::explain(model, input), expected.raw);
        compare("plain::explain_by_plan", plain::explain_by_plan(model, input), expected.raw);
        compare("wide::explain_by_plan", wide::explain_by_plan(model, input), expected.raw);
    }
    std::cout << "both are right\n";
}
