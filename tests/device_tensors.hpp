#pragma once

#include "device_harness.hpp"

#include <hookcam/plan/model.hpp>
#include <hookcam/plan/to.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

// Tensors and models that the tests of plans on a device begin with.

namespace device_harness {

/// A tensor of noise.
template <std::size_t Rank>
xt::xtensor<float, Rank> filled_tensor(std::array<std::size_t, Rank> const& sizes, std::uint32_t seed) {
    auto made = xt::xtensor<float, Rank>::from_shape(sizes);
    auto const values = noise(made.size(), seed);
    std::copy(values.begin(), values.end(), made.begin());
    return made;
}

/// A model on the device, each of whose parameters is noise.
template <class Network>
hookcam::model<Network, float, device_type> filled_model(std::uint32_t seed = 7) {
    hookcam::model<Network> made;
    for (auto const& entry : made.entries()) {
        auto const values = noise(entry.size, seed);
        std::copy(values.begin(), values.end(), entry.data);
    }
    return hookcam::to<device_type>(made);
}

} // namespace device_harness
