#pragma once

#include <hookcam/hookcam.hpp>

namespace networks {

namespace hc = hookcam;

/// A small network for CIFAR-10: 3×32×32 in, ten logits out. Pictures come in as (x/255 − 0.5)/0.5.
using simple_cnn = hc::sequential<                                                      //
    hc::named<"conv1", hc::conv2d<3, 32, hc::kernel<3>, hc::padding<1>>>, hc::relu<>,   //
    hc::max_pool2d<2>,                                                                  //
    hc::named<"conv2", hc::conv2d<32, 64, hc::kernel<3>, hc::padding<1>>>, hc::relu<>,  //
    hc::max_pool2d<2>,                                                                  //
    hc::named<"conv3", hc::conv2d<64, 128, hc::kernel<3>, hc::padding<1>>>, hc::relu<>, //
    hc::max_pool2d<2>,                                                                  //
    hc::flatten<>,                                                                      //
    hc::named<"fc1", hc::linear<128 * 4 * 4, 512>>, hc::relu<>,                         //
    hc::named<"fc2", hc::linear<512, 10>>>;

} // namespace networks
