// Layers, whole models and operations of one's own in the middle of a computation.

#define BOOST_TEST_MODULE autograd_layers
#include "autograd_harness.hpp"
#include "expect_error.hpp"
#include "xtensor.hpp"

namespace hc = hookcam;
using harness::apart;
using harness::check_gradients;
using harness::check_second_order;
using harness::some;

BOOST_AUTO_TEST_CASE(functions_of_the_house_can_be_differentiated_twice) {
    check_second_order(
        "conv2d",
        [](auto const& x, auto const& weight, auto const& bias) {
            return square(conv2d<hc::stride<2>, hc::padding<1>>(x, weight, bias));
        },
        some(1, 2, 2, 4, 3), some(2, 2, 2, 3, 3), some(3, 2));
    check_second_order(
        "linear",
        [](auto const& x, auto const& weight, auto const& bias) { return square(linear(x, weight, bias)); },
        some(4, 2, 3), some(5, 2, 3), some(6, 2));
    check_second_order(
        "softmax", [](auto const& x) { return softmax(x); }, some(8, 2, 3));
    check_second_order(
        "cross_entropy",
        [](auto const& x) {
            return cross_entropy(x, std::array{2, 0});
        },
        some(9, 2, 3));
}

BOOST_AUTO_TEST_CASE(conv2d_and_linear_check_shapes) {
    auto const x = hc::variable{some(1, 1, 2, 4, 4)};
    expect_error(hc::error_kind::shape, {"hookcam::functional::conv2d", "got 1x2x4x4 and 3x3x3x3"},
                 [&] { (void)conv2d(x, hc::variable{some(2, 3, 3, 3, 3)}); });
    expect_error(hc::error_kind::shape, {"hookcam::functional::linear", "got 2x3 and 4x5"},
                 [&] { (void)linear(hc::variable{some(3, 2, 3)}, hc::variable{some(4, 4, 5)}); });
    expect_error(hc::error_kind::use, {"hookcam::functional::cross_entropy", "got 3"}, [&] {
        (void)cross_entropy(hc::variable{some(3, 2, 3)}, std::array{0, 3});
    });
}

BOOST_AUTO_TEST_CASE(softmax_and_cross_entropy) {
    check_gradients(
        "softmax 1", [](auto const& x) { return softmax(x); }, some(1, 2, 3));
    check_gradients(
        "softmax -1", [](auto const& x) { return softmax<-1>(x); }, some(2, 2, 2, 3));
    check_gradients(
        "log_softmax 0", [](auto const& x) { return log_softmax<0>(x); }, some(3, 3, 2));
    check_gradients(
        "cross_entropy",
        [](auto const& x) {
            return cross_entropy(x, std::vector{2, 0, 1});
        },
        some(4, 3, 3));
    auto const even = cross_entropy(hc::constant(xt::xtensor<double, 2>{{1.0, 1.0}}), std::array{1});
    BOOST_TEST(std::abs(even.item() - std::log(2.0)) < 1e-15);
}

// ------------------------------------------------------------------------------------ operations of one's own

BOOST_AUTO_TEST_CASE(an_operation_of_ones_own_is_two_lambdas) {
    auto const softsign =
        hc::functional::operation([](auto const& x) { return x / (1.0 + xt::abs(x)); },
                                  [](auto const& grad, auto const&, auto const& x) {
                                      return grad / ((1.0 + xt::abs(x)) * (1.0 + xt::abs(x)));
                                  });
    check_gradients(
        "softsign", [&](auto const& x) { return softsign(x) * x; }, apart(1, 5));
    auto const product = hc::functional::operation(
        [](auto const& a, auto const& b) { return a * b; },
        [](auto const& grad, auto const&, auto const& a, auto const& b) {
            return std::tuple{xt::xtensor<double, 1>{grad * b}, xt::xtensor<double, 1>{grad * a}};
        });
    check_gradients(
        "product", [&](auto const& a, auto const& b) { return product(a, b); }, some(2, 4), some(3, 4));
    // Written with variables, it can be differentiated itself.
    using vector = hc::variable<double, 1>;
    auto const cube = hc::functional::operation(
        [](auto const& x) { return x * x * x; },
        [](vector const& grad, vector const&, vector const& x) { return grad * 3.0 * x * x; });
    check_gradients(
        "cube", [&](auto const& x) { return cube(x); }, some(4, 3));
    check_second_order(
        "cube", [&](auto const& x) { return cube(x); }, some(5, 3));
    auto x = hc::variable{some(6, 3)};
    expect_error(hc::error_kind::use, {"for create_graph the backward must take and return variables"},
                 [&] { (void)hc::grad(sum(softsign(x)), x, {.create_graph = true}); });
    auto const y = softsign(x);
    x.mutable_value() += 1.0;
    expect_error(hc::error_kind::use, {"a value that the backward of operation reads"},
                 [&] { sum(y).backward(); });
}
