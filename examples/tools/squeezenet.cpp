#include "../networks/squeezenet.hpp"
#include "network_of.hpp"

#include <array>

namespace tools {

std::span<network_entry const> squeezenets() {
    // As it was published with its weights: the last convolution has a padding of 1, and bytes stay as they are
    // but for ImageNet's mean colour. The longer side of the photographs that its published classes belong to was
    // rounded to the nearest pixel.
    static constexpr std::array entries{
        network_entry{.name = "squeezenet1_0",
                      .side = 227,
                      .shorter_side = 256,
                      .rounding = hookcam::longer_side::to_nearest,
                      .input = {.range = 1, .mean = {123, 117, 104}, .deviation = {1, 1, 1}},
                      .classes = 1000,
                      .class_names = {},
                      .make = make_network<networks::squeezenet1_0<1>, 227>}};
    return entries;
}

} // namespace tools
