#include "layer_benchmark.hpp"

namespace {

using namespace micro;

[[maybe_unused]] bool const registered[] = {
    both_ways<hc::batch_norm2d<16>, hc::image<16, 32, 32>>("batch_norm2d 16x32x32"),
    both_ways<hc::batch_norm2d<64>, hc::image<64, 56, 56>>("batch_norm2d 64x56x56"),
    both_ways<hc::batch_norm2d<512>, hc::image<512, 7, 7>>("batch_norm2d 512x7x7"),
};

} // namespace
