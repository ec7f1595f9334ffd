#include "../networks/cifar_resnet.hpp"
#include "network_of.hpp"

#include <array>

namespace tools {

std::span<network_entry const> cifar_resnets() {
    static constexpr hookcam::normalization input{
        .range = 255, .mean = {0.485, 0.456, 0.406}, .deviation = {0.229, 0.224, 0.225}};
    static constexpr std::array entries{
        network_entry{"resnet20", input, network_of<networks::cifar_resnet<20>>::make},
        network_entry{"resnet32", input, network_of<networks::cifar_resnet<32>>::make},
        network_entry{"resnet44", input, network_of<networks::cifar_resnet<44>>::make},
        network_entry{"resnet56", input, network_of<networks::cifar_resnet<56>>::make},
        network_entry{"resnet110", input, network_of<networks::cifar_resnet<110>>::make}};
    return entries;
}

} // namespace tools
