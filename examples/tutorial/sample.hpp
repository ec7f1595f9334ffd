#pragma once

#include "../networks/simple_cnn.hpp"

#include <hookcam/data.hpp>
#include <hookcam/hookcam.hpp>

#include <cstddef>

namespace hc = hookcam;
using networks::simple_cnn;

/// The network that was trained for CIFAR-10 and the first 200 pictures of the test set, loaded as 08_network.cpp
/// shows. The folder of both is a program's first argument, or examples/data.
struct sample {
    hc::model<simple_cnn> model;
    hc::cifar10_file pictures;
    xt::xtensor<float, 4> images; ///< 200×3×32×32, as the network reads them

    sample(int count, char** arguments);

    /// One of them: 1×3×32×32.
    [[nodiscard]] xt::xtensor<float, 4> image(std::size_t index) const;
};
