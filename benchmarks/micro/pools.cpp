#include "layer_benchmark.hpp"

namespace {

using namespace micro;

[[maybe_unused]] bool const registered[] = {
    both_ways<hc::max_pool2d<2>, hc::image<32, 32, 32>>("max_pool2d 2x2 at 32x32x32"),
    both_ways<hc::max_pool2d<3, hc::stride<2>, hc::padding<1>>, hc::image<64, 112, 112>>(
        "max_pool2d 3x3 step 2 at 64x112x112"),
    both_ways<hc::avg_pool2d<2>, hc::image<32, 32, 32>>("avg_pool2d 2x2 at 32x32x32"),
    both_ways<hc::adaptive_avg_pool2d<1>, hc::image<512, 7, 7>>("adaptive_avg_pool2d to 1 at 512x7x7"),
};

} // namespace
