#define BOOST_TEST_MODULE viz_filters
#include <boost/test/unit_test.hpp>

#include <hookcam/tensor/xtensor.hpp>
#include <hookcam/viz/filter_grid.hpp>

#include "expect_error.hpp"

#include <cstddef>

namespace hc = hookcam;

BOOST_AUTO_TEST_CASE(filters_of_three_channels_have_their_colours) {
    xt::xtensor<float, 4> weights = xt::xtensor<float, 4>::from_shape({2, 3, 2, 2});
    weights.fill(-1);
    weights(0, 0, 0, 0) = 1; // red at the top left
    weights(0, 1, 0, 1) = 1; // green at the top right
    weights(0, 2, 1, 0) = 0; // half blue at the bottom left
    weights(1, 0, 1, 1) = 3; // another range
    weights(1, 1, 1, 1) = 1;
    auto const grid = hc::filter_grid(weights);
    BOOST_TEST(grid.height() == 2u);
    BOOST_TEST(grid.width() == 5u);
    BOOST_TEST((grid.at(0, 0) == hc::rgb{255, 0, 0}));
    BOOST_TEST((grid.at(0, 1) == hc::rgb{0, 255, 0}));
    BOOST_TEST((grid.at(1, 0) == hc::rgb{0, 0, 128}));
    BOOST_TEST((grid.at(1, 1) == hc::rgb{0, 0, 0}));
    BOOST_TEST((grid.at(0, 2) == hc::rgb{255, 255, 255})); // the line between
    BOOST_TEST((grid.at(1, 4) == hc::rgb{255, 128, 0}));
    auto const common =
        hc::filter_grid(weights, {.range = hc::feature_range::common}, {.columns = 1, .zoom = 3});
    BOOST_TEST(common.height() == 15u);
    BOOST_TEST(common.width() == 6u);
    BOOST_TEST((common.at(0, 0) == hc::rgb{128, 0, 0}));
    BOOST_TEST((common.at(14, 5) == hc::rgb{255, 128, 0}));
    BOOST_TEST(hc::filter_grid(weights, {.most = 1}).width() == 2u);
}

BOOST_AUTO_TEST_CASE(filters_of_one_channel_are_gray) {
    xt::xtensor<double, 4> const weights{{{{0, 1}}}, {{{5, 1}}}};
    auto const grid = hc::filter_grid(weights, {}, {.columns = 2});
    BOOST_TEST((grid.at(0, 0) == hc::rgb{0, 0, 0}));
    BOOST_TEST((grid.at(0, 1) == hc::rgb{255, 255, 255}));
    BOOST_TEST((grid.at(0, 3) == hc::rgb{255, 255, 255}));
    BOOST_TEST((grid.at(0, 4) == hc::rgb{0, 0, 0}));
}

BOOST_AUTO_TEST_CASE(what_are_no_such_filters_is_refused) {
    auto const of = [](std::size_t o, std::size_t i, std::size_t h) {
        xt::xtensor<float, 4> weights = xt::xtensor<float, 4>::from_shape({o, i, h, 3});
        weights.fill(0);
        return weights;
    };
    expect_error(hc::error_kind::shape, {"hookcam::filter_grid", "4x2x3x3", "feature_grid"},
                 [&] { (void)hc::filter_grid(of(4, 2, 3)); });
    expect_error(hc::error_kind::shape, {"0x3x3x3"}, [&] { (void)hc::filter_grid(of(0, 3, 3)); });
    expect_error(hc::error_kind::shape, {"these are 2x2"}, [] {
        (void)hc::filter_grid(xt::xtensor<float, 2>{{1, 2}, {3, 4}});
    });
    expect_error(hc::error_kind::use, {"`most` is 0"},
                 [&] { (void)hc::filter_grid(of(4, 3, 3), {.most = 0}); });
    expect_error(hc::error_kind::use, {"hookcam::filter_grid", "`zoom` is 0"},
                 [&] { (void)hc::filter_grid(of(4, 3, 3), {}, {.zoom = 0}); });
}
