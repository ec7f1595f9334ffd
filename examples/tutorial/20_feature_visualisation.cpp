// What does a channel look for? Climb: change the picture, from noise, along the gradient of the channel's mean
// activation.
#include "sample.hpp"

#include <hookcam/autograd.hpp>
#include <hookcam/viz.hpp>

#include <algorithm>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <random>

int main(int count, char** arguments) {
    sample const all{count, arguments};
    constexpr std::size_t channel = 17, size = 32, scale = 8;

    auto start = xt::xtensor<float, 4>::from_shape({1, 3, size, size});
    std::mt19937 next{1};
    for (auto& pixel : start)
        pixel = static_cast<float>(next() % 1000) / 5000.0F - 0.1F;
    auto image = hc::variable{start};

    for (int step = 0; step <= 150; ++step) {
        auto const run = hc::trace(all.model, image);
        auto const activation = mean(select<1>(run.activation<"conv3">(), channel));
        // Neighbours shall be alike: without this the picture stays noise.
        auto const roughness = mean(square(slice<2>(image, 1) - slice<2>(image, 0, -1))) +
                               mean(square(slice<3>(image, 1) - slice<3>(image, 0, -1)));
        if (step % 50 == 0)
            std::cout << "step " << std::setw(3) << step << ", mean activation " << std::fixed
                      << std::setprecision(1) << activation.item() << '\n';
        auto const gradient = hc::grad(activation - 20.0F * roughness, image); // runs no further than conv3
        auto const length = sqrt(mean(square(gradient))).item();
        auto pixels = image.mutable_value();
        pixels += 0.03F / length * gradient.value();
        for (auto& pixel : pixels)
            pixel = std::clamp(pixel, -1.0F, 1.0F); // a picture's values, as they are normalised
    }

    // From −1 to 1 back to a picture, each pixel enlarged.
    hc::picture drawn{scale * size, scale * size};
    auto const byte = [&](std::size_t c, std::size_t y, std::size_t x) {
        return static_cast<std::uint8_t>((image.value()(0, c, y / scale, x / scale) + 1.0F) * 127.5F + 0.5F);
    };
    for (std::size_t y = 0; y < scale * size; ++y)
        for (std::size_t x = 0; x < scale * size; ++x)
            drawn.set(y, x, {byte(0, y, x), byte(1, y, x), byte(2, y, x)});
    hc::save_png("feature.png", drawn);
}
