#include "layer_benchmark.hpp"

namespace {

using namespace micro;

template <std::size_t In, std::size_t Out>
using conv3x3 = hc::conv2d<In, Out, hc::kernel<3>, hc::padding<1>>;

[[maybe_unused]] bool const registered[] = {
    both_ways<conv3x3<3, 32>, hc::image<3, 32, 32>>("conv2d 3x32 3x3 at 32x32"),
    both_ways<conv3x3<32, 64>, hc::image<32, 16, 16>>("conv2d 32x64 3x3 at 16x16"),
    both_ways<conv3x3<64, 128>, hc::image<64, 8, 8>>("conv2d 64x128 3x3 at 8x8"),
    both_ways<hc::conv2d<64, 256, hc::kernel<1>>, hc::image<64, 56, 56>>("conv2d 64x256 1x1 at 56x56"),
    both_ways<hc::conv2d<96, 96, hc::kernel<3>, hc::padding<1>, hc::groups<96>>, hc::image<96, 28, 28>>(
        "conv2d 96 depthwise 3x3 at 28x28"),
};

} // namespace
