#include "../networks/cifar_resnet.hpp"
#include "cifar10_network.hpp"

#include <array>

namespace tools {

std::span<network_entry const> cifar_resnets() {
    static constexpr hookcam::normalization input{
        .range = 255, .mean = {0.485, 0.456, 0.406}, .deviation = {0.229, 0.224, 0.225}};
    static constexpr std::array entries{cifar10_network<networks::cifar_resnet<20>>("resnet20", input),
                                        cifar10_network<networks::cifar_resnet<32>>("resnet32", input),
                                        cifar10_network<networks::cifar_resnet<44>>("resnet44", input),
                                        cifar10_network<networks::cifar_resnet<56>>("resnet56", input),
                                        cifar10_network<networks::cifar_resnet<110>>("resnet110", input)};
    return entries;
}

} // namespace tools
