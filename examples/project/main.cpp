// Shows where in a picture a network looks: my_program WEIGHTS PICTURE [FIGURE.png]
#include <hookcam/data.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/io.hpp>
#include <hookcam/viz.hpp>

#include <exception>
#include <iostream>
#include <span>
#include <string>

namespace hc = hookcam;

// Your network: its layers in order, with the names that their weights have in PyTorch.
using network =
    hc::sequential<hc::named<"conv1", hc::conv2d<3, 32, hc::kernel<3>, hc::padding<1>>>, hc::relu<>,
                   hc::max_pool2d<2>, hc::named<"conv2", hc::conv2d<32, 64, hc::kernel<3>, hc::padding<1>>>,
                   hc::relu<>, hc::max_pool2d<2>,
                   hc::named<"conv3", hc::conv2d<64, 128, hc::kernel<3>, hc::padding<1>>>, hc::relu<>,
                   hc::max_pool2d<2>, hc::flatten<>, hc::named<"fc1", hc::linear<2048, 512>>, hc::relu<>,
                   hc::named<"fc2", hc::linear<512, 10>>>;

// What it was trained on: the size of its pictures, how their bytes become numbers, and the names of its classes.
constexpr std::size_t height = 32;
constexpr std::size_t width = 32;
constexpr hc::normalization bytes_to_numbers{.mean = {.5, .5, .5}, .deviation = {.5, .5, .5}};
constexpr auto const& class_names = hc::cifar10_classes;

void explain(std::string const& weights, std::string const& photo, std::string const& figure_file) {
    auto const model = hc::load<network>(weights);
    auto const picture = hc::resize_and_crop(hc::load_picture(photo), height, width);

    auto const cam = hc::grad_cam<"conv3">(model, hc::image_tensor<float>(picture, bytes_to_numbers));
    std::string const name{class_names[cam.predicted[0]]};
    std::cout << photo << ": " << name << '\n';

    std::span<float const> const heat{cam.heatmap.data(), cam.heatmap.size()};
    hc::figure figure{12, 4};
    figure.add({picture, "What it saw"});
    figure.add(hc::heat_panel(heat, height, width, "Grad-CAM: " + name));
    figure.add({hc::overlay(picture, heat), "Both"});
    figure.save_png(figure_file);
}

int main(int count, char** arguments) {
    if (count != 3 && count != 4) {
        std::cerr << "usage: my_program WEIGHTS PICTURE [FIGURE.png]\n";
        return 2;
    }
    try {
        explain(arguments[1], arguments[2], count == 4 ? arguments[3] : "figure.png");
    } catch (std::exception const& failure) { // hookcam's errors say what to do
        std::cerr << failure.what() << '\n';
        return 1;
    }
}
