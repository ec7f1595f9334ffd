#define BOOST_TEST_MODULE conv_methods
#include "blocked_harness.hpp"

#include <hookcam/hookcam.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

// The kernels among which a plan chooses for a convolution, each against the plain loops.

namespace hc = hookcam;
using namespace blocked;

namespace {

BOOST_AUTO_TEST_CASE(convolutions_of_a_plan_agree_with_the_reference) {
    using hc::extents, hc::kernel, hc::padding, hc::stride, hc::dilation;
    check_conv<float, hc::conv2d<1, 1, kernel<1>, direct>>(extents{1, 1, 1});
    check_conv<float, hc::conv2d<3, 8, kernel<7>, stride<2>, padding<3>, direct>>(extents{3, 23, 21});
    check_conv<float, hc::conv2d<4, 6, kernel<3>, dilation<2, 3>, stride<1, 2>, direct>>(extents{4, 12, 17});
    check_conv<float, hc::conv2d<16, 8, kernel<4>, hc::padding_same, direct>>(extents{16, 6, 5});
    check_conv<double, hc::conv2d<20, 24, kernel<3>, padding<1>, direct>>(extents{20, 9, 5});
    check_conv<float, hc::conv2d<33, 40, kernel<1>, direct, hc::no_bias>>(extents{33, 6, 6});
}

BOOST_AUTO_TEST_CASE(grouped_convolutions_of_a_plan_agree_with_the_reference) {
    using hc::extents, hc::kernel, hc::padding, hc::stride, hc::groups;
    // Whole vectors in each group, whatever the machine's.
    check_conv<float, hc::conv2d<64, 96, kernel<3>, padding<1>, groups<2>, direct>>(extents{64, 5, 9});
    // Depthwise, with few channels.
    check_conv<float, hc::conv2d<5, 5, kernel<5>, stride<2>, padding<2>, groups<5>, direct>>(
        extents{5, 11, 8});
    check_conv<double, hc::conv2d<40, 40, kernel<3>, padding<1>, groups<20>, hc::no_bias, direct>>(
        extents{40, 6, 5});
    // Groups that end within a vector; more channels out than in.
    check_conv<float, hc::conv2d<24, 36, kernel<3>, padding<1>, stride<2>, groups<2>, direct>>(
        extents{24, 9, 8});
}

BOOST_AUTO_TEST_CASE(a_nan_in_one_group_stays_there) {
    auto const check = []<class Layer>(Layer const&, std::size_t group_out) {
        hc::model<hc::sequential<hc::named<"conv", Layer>>> model;
        fill_with_noise(model, 7);
        auto x = images<float>(1, hc::extents{8, 4, 4}, 8);
        x(0, 0, 2, 2) = std::numeric_limits<float>::quiet_NaN();
        auto const y = model(x);
        for (std::size_t channel = 0; channel < y.shape()[1]; ++channel)
            BOOST_TEST(std::isnan(y(0, channel, 2, 2)) == (channel < group_out));
    };
    using hc::kernel, hc::padding, hc::groups;
    check(hc::conv2d<8, 8, kernel<3>, padding<1>, groups<4>, direct>{}, 2);
    check(hc::conv2d<8, 12, kernel<3>, padding<1>, groups<2>, direct>{}, 6);
}

/// The same bits whether a type knows the sizes of the images or they are read at run time.
template <class Network, std::size_t Channels, std::size_t Height, std::size_t Width, class T = float>
void check_known_and_read() {
    hc::model<Network, T> model;
    fill_with_noise(model, 3);
    auto const x = images<T>(2, hc::extents{Channels, Height, Width}, 4);
    auto known = hc::plan<hc::image<Channels, Height, Width>>(model);
    auto read = hc::plan(model);
    auto const both = numbers(known(x));
    BOOST_TEST((both == numbers(read(x))));
    // And an image's bits do not depend on its neighbours.
    auto one = hc::plan(model);
    auto const second = filled<T, 3>({Channels, Height, Width},
                                     std::vector<double>(x.begin() + Channels * Height * Width, x.end()));
    auto const alone = numbers(one(second));
    BOOST_TEST(
        std::equal(alone.begin(), alone.end(), both.begin() + static_cast<std::ptrdiff_t>(alone.size())));
}

BOOST_AUTO_TEST_CASE(a_shape_known_by_type_and_one_read_at_run_time_give_the_same_bits) {
    using hc::kernel, hc::padding, hc::stride, hc::dilation, hc::groups;
    check_known_and_read<
        hc::sequential<hc::named<"conv1", hc::conv2d<3, 20, kernel<3>, padding<1>>>, hc::relu<>,
                       hc::max_pool2d<2>, hc::named<"conv2", hc::conv2d<20, 16, kernel<3>, dilation<2>>>,
                       hc::named<"one", hc::conv2d<16, 33, kernel<1>>>>,
        3, 21, 19>();
    check_known_and_read<
        hc::sequential<hc::named<"depthwise", hc::conv2d<20, 20, kernel<3>, stride<2>, groups<20>>>,
                       hc::named<"groups", hc::conv2d<20, 30, kernel<1>, groups<5>>>>,
        20, 15, 30>();
    check_known_and_read<hc::sequential<hc::named<"conv", hc::conv2d<7, 20, kernel<3>, padding<1>>>>, 7, 6,
                         17, double>();
}

BOOST_AUTO_TEST_CASE(two_methods_agree_to_rounding) {
    using product = hc::algorithm<hc::method::matrix_product>;
    hc::model<hc::sequential<hc::named<"c", hc::conv2d<20, 30, hc::kernel<3>, hc::padding<1>, direct>>>> a;
    hc::model<hc::sequential<hc::named<"c", hc::conv2d<20, 30, hc::kernel<3>, hc::padding<1>, product>>>> b;
    fill_with_noise(a, 5);
    std::copy_n(std::as_const(a).data(), a.size(), b.data());
    auto const x = images<float>(1, hc::extents{20, 9, 9}, 6);
    auto plan_a = hc::plan(a);
    auto plan_b = hc::plan(b);
    auto const from_b = plan_b(x);
    check_near("y", numbers(plan_a(x)), std::vector<double>(from_b.begin(), from_b.end()),
               2 * rounding<float>(20 * 9 + 1));
    // They are two: only one of them needs the image in blocks.
    BOOST_TEST(mentions(plan_a.steps(), "to blocked"));
    BOOST_TEST(!mentions(plan_b.steps(), "blocked"));
}

} // namespace
