// Operations on variables that move elements: reshape, transpose, slice, gather, concatenate, pad.

#define BOOST_TEST_MODULE autograd_shape
#include "autograd_harness.hpp"
#include "expect_error.hpp"

namespace hc = hookcam;
using harness::check_gradients;
using harness::some;

namespace {

xt::xtensor<double, 2> const numbers{{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}};

std::vector<double> listed(auto const& x) {
    return {x.value().data(), x.value().data() + x.size()};
}

} // namespace

BOOST_AUTO_TEST_CASE(values_move_where_numpy_moves_them) {
    auto const x = hc::variable{numbers};
    using list = std::vector<double>;
    BOOST_TEST((listed(transpose(x)) == list{1, 4, 2, 5, 3, 6}));
    BOOST_TEST((listed(reshape(x, 3, -1)) == list{1, 2, 3, 4, 5, 6}));
    BOOST_TEST(reshape(x, 3, -1).shape()[1] == 2u);
    BOOST_TEST(reshape(x, 1, 2, 3).value().data() == x.value().data());
    BOOST_TEST(flatten(reshape(x, 1, 2, 3)).shape()[1] == 6u);
    BOOST_TEST((listed(slice<1>(x, 1, 3)) == list{2, 3, 5, 6}));
    BOOST_TEST((listed(slice<-1>(x, 0, 3, 2)) == list{1, 3, 4, 6}));
    BOOST_TEST((listed(slice<1>(x, -2, -1)) == list{2, 5}));
    BOOST_TEST((listed(slice<0>(x, 1)) == list{4, 5, 6}));
    BOOST_TEST(slice<0>(x, 5).size() == 0u);
    BOOST_TEST((listed(select<0>(x, -1)) == list{4, 5, 6}));
    BOOST_TEST((listed(select<1>(x, 0)) == list{1, 4}));
    BOOST_TEST((listed(pad<1>(slice<1>(x, 0, 1), 1, 2, 9)) == list{9, 1, 9, 9, 9, 4, 9, 9}));
    BOOST_TEST((listed(concatenate<1>(x, slice<1>(x, 0, 1))) == list{1, 2, 3, 1, 4, 5, 6, 4}));
    BOOST_TEST((listed(concatenate<0>(x, slice<0>(x, 0, 1))) == list{1, 2, 3, 4, 5, 6, 1, 2, 3}));
    auto const beside = stack<-1>(select<0>(x, 0), select<0>(x, 1));
    BOOST_TEST((listed(beside) == list{1, 4, 2, 5, 3, 6}));
    BOOST_TEST((listed(gather<1>(x, xt::xtensor<int, 2>{{2, 0}, {1, 1}})) == list{3, 1, 5, 5}));
    BOOST_TEST((listed(index_select<1>(x, std::vector{2, 0})) == list{3, 1, 6, 4}));
    auto const turned = permute<2, 0, 1>(reshape(x, 1, 2, 3));
    BOOST_TEST((turned.shape() == std::array<std::size_t, 3>{3, 1, 2}));
    BOOST_TEST((listed(turned) == list{1, 4, 2, 5, 3, 6}));
    BOOST_TEST(
        (listed(broadcast_to(slice<1>(x, 0, 1), 2, 2, 3)) == list{1, 1, 1, 4, 4, 4, 1, 1, 1, 4, 4, 4}));
}

BOOST_AUTO_TEST_CASE(gradients_move_back) {
    check_gradients(
        "transpose", [](auto const& x) { return transpose(x); }, some(1, 2, 3));
    check_gradients(
        "transpose 0 2", [](auto const& x) { return transpose<0, 2>(x); }, some(2, 2, 3, 4));
    check_gradients(
        "permute", [](auto const& x) { return permute<2, 0, 1>(x * x); }, some(3, 2, 3, 4));
    check_gradients(
        "reshape", [](auto const& x) { return reshape(x, 3, -1) * reshape(x, 3, 2); }, some(4, 2, 3));
    check_gradients(
        "unsqueeze", [](auto const& x) { return unsqueeze<1>(x) * unsqueeze<0>(x); }, some(5, 3));
    check_gradients(
        "slice", [](auto const& x) { return slice<1>(slice<0>(x, 1), 0, 4, 2) * 3.0; }, some(6, 3, 4));
    check_gradients(
        "select", [](auto const& x) { return select<1>(x, -1); }, some(7, 2, 3));
    check_gradients(
        "pad", [](auto const& x) { return pad<0>(pad<-1>(x, 1, 0), 0, 2, 4) * 2.0; }, some(8, 2, 2));
    check_gradients(
        "concatenate", [](auto const& a, auto const& b) { return concatenate<1>(a, b, a) * 2.0; },
        some(9, 2, 3), some(10, 2, 1));
    check_gradients(
        "stack", [](auto const& a, auto const& b) { return stack<1>(a, b) * stack<1>(b, a); }, some(11, 3),
        some(12, 3));
    check_gradients(
        "gather",
        [](auto const& x) {
            return gather<0>(x, xt::xtensor<int, 2>{{0, 1, 1}, {1, 1, 0}, {0, 0, 0}});
        },
        some(13, 2, 3));
    check_gradients(
        "index_select",
        [](auto const& x) {
            return index_select<1>(x, std::vector{2, 2, 0});
        },
        some(14, 2, 3, 2));
    check_gradients(
        "broadcast_to", [](auto const& x) { return broadcast_to(x, 2, 2, 3); }, some(15, 2, 1));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_said) {
    auto const x = hc::variable{numbers};
    expect_error(hc::error_kind::shape, {"hookcam::functional::reshape", "2x3", "got 4x-1"},
                 [&] { (void)reshape(x, 4, -1); });
    expect_error(hc::error_kind::shape, {"hookcam::functional::reshape", "got -2x-3"},
                 [&] { (void)reshape(x, -2, -3); });
    expect_error(hc::error_kind::shape, {"hookcam::functional::reshape", "got 0x-1"},
                 [&] { (void)reshape(slice<0>(x, 2), 0, -1); });
    expect_error(hc::error_kind::shape, {"hookcam::functional::concatenate", "2x3 and 3x2"},
                 [&] { (void)concatenate<0>(x, transpose(x)); });
    expect_error(hc::error_kind::use, {"hookcam::functional::select", "below the size of the axis, 2; got 2"},
                 [&] { (void)select<0>(x, 2); });
    expect_error(hc::error_kind::use, {"hookcam::functional::gather", "got -1"},
                 [&] { (void)gather<0>(x, xt::xtensor<int, 2>{{-1}}); });
    expect_error(hc::error_kind::use, {"hookcam::functional::index_select", "got 3"},
                 [&] { (void)index_select<1>(x, std::vector{3}); });
    expect_error(hc::error_kind::shape, {"hookcam::functional::squeeze"}, [&] { (void)squeeze<0>(x); });
    expect_error(hc::error_kind::shape, {"hookcam::functional::broadcast_to"},
                 [&] { (void)broadcast_to(x, 3, 3); });
    expect_error(hc::error_kind::shape, {"hookcam::functional::broadcast_to", "got 1x1 and -1x4"},
                 [&] { (void)broadcast_to(reshape(sum(x), 1, 1), -1, 4); });
}
