#pragma once

#include <hookcam/hookcam.hpp>

#include <cstddef>

namespace networks {

namespace hc = hookcam;

/// Squeeze to few channels, then expand them by 1×1 and by 3×3 windows, side by side.
template <std::size_t In, std::size_t Squeezed, std::size_t Expanded>
using fire = hc::sequential<
    hc::named<"squeeze", hc::conv2d<In, Squeezed, hc::kernel<1>>>, hc::relu<>,
    hc::concat<
        hc::sequential<hc::named<"expand1x1", hc::conv2d<Squeezed, Expanded, hc::kernel<1>>>, hc::relu<>>,
        hc::sequential<hc::named<"expand3x3", hc::conv2d<Squeezed, Expanded, hc::kernel<3>, hc::padding<1>>>,
                       hc::relu<>>>>;

using squeezenet_pool = hc::max_pool2d<3, hc::stride<2>, hc::ceil_mode>;

/// SqueezeNet 1.0 for ImageNet (Iandola et al., "SqueezeNet", 2016), with torchvision's names: 3×H×W in, 1,000 logits
/// out. `Padding` is that of the last convolution: 0 in torchvision.
template <std::size_t Padding = 0>
using squeezenet1_0 = hc::sequential<
    hc::named<"features",
              hc::indexed<hc::conv2d<3, 96, hc::kernel<7>, hc::stride<2>>, hc::relu<>, squeezenet_pool,
                          fire<96, 16, 64>, fire<128, 16, 64>, fire<128, 32, 128>, squeezenet_pool,
                          fire<256, 32, 128>, fire<256, 48, 192>, fire<384, 48, 192>, fire<384, 64, 256>,
                          squeezenet_pool, fire<512, 64, 256>>>,
    hc::named<"classifier",
              hc::indexed<hc::dropout<>, hc::conv2d<512, 1000, hc::kernel<1>, hc::padding<Padding>>,
                          hc::relu<>, hc::adaptive_avg_pool2d<1>>>,
    hc::flatten<>>;

} // namespace networks
