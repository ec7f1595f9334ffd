#include "../networks/simple_cnn.hpp"
#include "network_of.hpp"

#include <array>

namespace tools {

std::span<network_entry const> simple_cnns() {
    static constexpr hookcam::normalization input{
        .range = 255, .mean = {0.5, 0.5, 0.5}, .deviation = {0.5, 0.5, 0.5}};
    static constexpr std::array entries{
        network_entry{"simple_cnn", input, network_of<networks::simple_cnn>::make}};
    return entries;
}

} // namespace tools
