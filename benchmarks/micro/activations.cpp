#include "layer_benchmark.hpp"

namespace {

using namespace micro;
using map = hc::image<32, 32, 32>;

[[maybe_unused]] bool const registered[] = {
    both_ways<hc::identity<>, map>("identity 32x32x32"),
    both_ways<hc::relu<>, map>("relu 32x32x32"),
    both_ways<hc::sigmoid<>, map>("sigmoid 32x32x32"),
    both_ways<hc::gelu<>, map>("gelu 32x32x32"),
    both_ways<hc::softmax<>, hc::features<1000>>("softmax 1000"),
};

} // namespace
