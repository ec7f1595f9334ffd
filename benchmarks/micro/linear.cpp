#include "layer_benchmark.hpp"

namespace {

using namespace micro;

[[maybe_unused]] bool const registered[] = {
    both_ways<hc::linear<2048, 512>, hc::features<2048>>("linear 2048x512"),
    both_ways<hc::linear<512, 10>, hc::features<512>>("linear 512x10"),
    both_ways<hc::linear<2048, 1000>, hc::features<2048>>("linear 2048x1000"),
};

} // namespace
