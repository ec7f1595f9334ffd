#define BOOST_TEST_MODULE cuda_tools
#include <boost/test/unit_test.hpp>

#include "../examples/networks/simple_cnn.hpp"
#include "../examples/tools/network_of.hpp"
#include "device_harness.hpp"

#include <hookcam/io/read_weights.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

// What explain and evaluate do with `--device`: the same network on a device gives what it gives here, to 1e-5 of the
// largest.

using device_harness::check_near;

namespace {

template <class Device>
using network_on = tools::network_of<networks::simple_cnn, 32, Device>;

template <std::size_t Rank>
void check_same(std::string const& what, xt::xtensor<float, Rank> const& got,
                xt::xtensor<float, Rank> const& expected, double bound = 1e-5) {
    BOOST_TEST((got.shape() == expected.shape()), what);
    check_near(what, {got.begin(), got.end()}, {expected.begin(), expected.end()}, bound);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_network_of_the_tools_on_a_device) {
    auto const weights = hookcam::read_weights(HOOKCAM_SOURCE_DIR "/examples/data/cifar10_cnn.safetensors");
    network_on<hookcam::cpu> here;
    network_on<device_harness::device_type> there;
    here.load(weights);
    there.load(weights);

    xt::xtensor<float, 4> images({2, 3, 32, 32});
    auto const values = device_harness::noise(images.size(), 3);
    std::copy(values.begin(), values.end(), images.begin());
    check_same("logits", there.logits(images), here.logits(images));

    xt::xtensor<float, 3> image({3, 32, 32});
    std::copy_n(values.begin(), image.size(), image.begin());
    auto const expected = here.explain("conv3", image, std::nullopt);
    auto const found = there.explain("conv3", image, std::nullopt);
    BOOST_TEST(found.predicted == expected.predicted);
    BOOST_TEST(found.target == expected.predicted);
    BOOST_TEST((found.status == expected.status));
    check_same("activation", found.activation, expected.activation);
    check_same("gradient", found.gradient, expected.gradient);
    check_same("raw map", found.raw, expected.raw);
    check_same("heatmap", found.heatmap, expected.heatmap, 1e-4);
    BOOST_TEST(there.explain("conv3", image, 7).target == 7U);
    BOOST_CHECK_THROW(there.require_spatial("fc1"), hookcam::error);
}
