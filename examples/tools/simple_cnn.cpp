#include "../networks/simple_cnn.hpp"
#include "cifar10_network.hpp"

#include <array>

namespace tools {

std::span<network_entry const> simple_cnns() {
    static constexpr hookcam::normalization input{
        .range = 255, .mean = {0.5, 0.5, 0.5}, .deviation = {0.5, 0.5, 0.5}};
    static constexpr std::array entries{cifar10_network<networks::simple_cnn>("simple_cnn", input)};
    return entries;
}

} // namespace tools
