#pragma once

#include <hookcam/hookcam.hpp>

namespace hc = hookcam;

using net = hc::sequential<hc::named<"conv", hc::conv2d<3, 16, hc::kernel<3>, hc::padding<1>>>, hc::relu<>,
                           hc::adaptive_avg_pool2d<1>, hc::flatten<>, hc::named<"fc", hc::linear<16, 10>>>;

using images = xt::xtensor<float, 4>;
using numbers = xt::xtensor<float, 2>;
using maps = xt::xtensor<float, 3>;

// What unit.cpp defines, once for each set of instructions. Models and tensors pass between the two.
#define DECLARE_UNIT(name)                                                                                   \
    namespace name {                                                                                         \
    hc::model<net> make_model();                                                                             \
    numbers logits(hc::model<net> const& model, images const& input);                                        \
    maps explain(hc::model<net> const& model, images const& input);                                          \
    maps explain_by_plan(hc::model<net> const& model, images const& input);                                  \
    }
DECLARE_UNIT(plain)
DECLARE_UNIT(wide)
