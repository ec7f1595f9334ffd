// The figure: a picture, what the network saw in it, and both laid over one another.
//     12_figure [FOLDER [chinese]]
#include "sample.hpp"

#include <hookcam/viz.hpp>

#include <array>
#include <iostream>
#include <span>
#include <string>
#include <string_view>

constexpr std::array<std::string_view, 10> chinese_classes{"飛機", "汽車", "鳥", "貓", "鹿",
                                                           "狗",   "青蛙", "馬", "船", "卡車"};

int main(int count, char** arguments) {
    sample const all{count, arguments};
    auto const& classes =
        count > 2 && std::string_view{arguments[2]} == "chinese" ? chinese_classes : hc::cifar10_classes;
    constexpr std::size_t index = 102;

    auto const cam = hc::grad_cam<"conv3">(all.model, all.image(index));
    auto const picture = all.pictures.picture(index);
    std::span const heat{cam.heatmap.data(), cam.heatmap.size()};

    hc::figure figure{12, 4};
    figure.add({picture, "Original: " + std::string{classes[all.pictures.label(index)]}})
        .add(hc::heat_panel(heat, 32, 32, "Grad-CAM: " + std::string{classes[cam.target[0]]}))
        .add({hc::overlay(picture, heat, hc::jet, 0.4), "Overlay"}) // 0.4 map + 0.6 picture
        .save_png("grad_cam_result.png");
    std::cout << "grad_cam_result.png shows a " << classes[cam.target[0]] << '\n';
}
