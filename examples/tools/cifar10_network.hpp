#pragma once

#include "network_of.hpp"

#include <hookcam/data/cifar10.hpp>
#include <hookcam/data/normalize.hpp>

#include <string_view>

namespace tools {

/// The entry of a network for CIFAR-10's pictures.
template <class Network>
[[nodiscard]] constexpr network_entry cifar10_network(std::string_view name,
                                                      hookcam::normalization const& input) {
    constexpr auto side = hookcam::cifar10_file::side;
    return {.name = name,
            .side = side,
            .shorter_side = side,
            .rounding = hookcam::longer_side::rounded_down,
            .input = input,
            .classes = hookcam::cifar10_classes.size(),
            .class_names = hookcam::cifar10_classes,
            .make = make_network<Network, side>};
}

} // namespace tools
