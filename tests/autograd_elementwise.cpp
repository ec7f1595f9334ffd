// Operations on variables, element by element: values, and gradients against finite differences.

#define BOOST_TEST_MODULE autograd_elementwise
#include "autograd_harness.hpp"
#include "expect_error.hpp"

namespace hc = hookcam;
using harness::apart;
using harness::check_gradients;
using harness::positive;
using harness::some;

BOOST_AUTO_TEST_CASE(arithmetic_is_that_of_numbers) {
    auto const x = hc::variable{xt::xtensor<double, 1>{1.0, -2.0, 4.0}};
    auto const y = hc::variable{xt::xtensor<double, 1>{3.0, 5.0, 8.0}};
    auto const check = [](auto const& got, double a, double b, double c) {
        BOOST_TEST(got.value()(0) == a);
        BOOST_TEST(got.value()(1) == b);
        BOOST_TEST(got.value()(2) == c);
    };
    check(x + y, 4, 3, 12);
    check(x - y, -2, -7, -4);
    check(x * y, 3, -10, 32);
    check(y / x, 3, -2.5, 2);
    check(-x, -1, 2, -4);
    check(x + 1, 2, -1, 5);
    check(1 + x, 2, -1, 5);
    check(x - 1, 0, -3, 3);
    check(1 - x, 0, 3, -3);
    check(x * 2, 2, -4, 8);
    check(2 * x, 2, -4, 8);
    check(x / 2, 0.5, -1, 2);
    check(4 / x, 4, -2, 1);
    check(pow(x, 2), 1, 4, 16);
    check(pow(x, 3.0), 1, -8, 64);
    check(maximum(x, y - 4.0), 1, 1, 4);
    check(minimum(x, 0.0), 0, -2, 0);
    check(clip(x, -1, 2), 1, -1, 2);
    check(abs(x), 1, 2, 4);
    check(relu(x), 1, 0, 4);
    check(where(x > 0.0, x, y), 1, 5, 4);
    auto z = x;
    z += y;
    z *= 2.0;
    z -= 2.0;
    z /= 2.0;
    check(z, 3, 2, 11);
    check(x, 1, -2, 4); // another variable now, not another value
}

BOOST_AUTO_TEST_CASE(expressions_of_xtensor_are_constants) {
    auto const x = hc::variable{xt::xtensor<double, 1>{1.0, 2.0}};
    xt::xtensor<double, 1> const a{2.0, 4.0};
    auto const y = (x * a + a * 2.0 - x) / a;
    y.backward(xt::xtensor<double, 1>{1.0, 1.0});
    BOOST_TEST(y.value()(0) == 2.5);
    BOOST_TEST(x.grad()(0) == 0.5);
    BOOST_TEST(x.grad()(1) == 0.75);
    BOOST_TEST((a - x).value()(1) == 2.0);
    BOOST_TEST(maximum(a, x).value()(1) == 4.0);
    BOOST_TEST(pow(a, x).value()(1) == 16.0);
}

BOOST_AUTO_TEST_CASE(comparisons_make_masks) {
    auto const x = hc::variable{xt::xtensor<double, 1>{1.0, 2.0, 3.0}};
    xt::xtensor<bool, 1> const above = x > 2.0, at_least = x >= 2.0, below = 2.0 > x, at_most = x <= 2.0;
    BOOST_TEST((!above(1) && at_least(1) && !below(1) && at_most(1)));
    BOOST_TEST((above(2) && at_least(2) && !below(2) && !at_most(2)));
    BOOST_TEST((x < 2.0)(0));
    BOOST_TEST(eq(x, 2.0)(1));
    BOOST_TEST(!ne(x, 2.0)(1));
    // Broadcast.
    auto const both = x < hc::constant(xt::xtensor<double, 2>{{1.5}, {2.5}});
    BOOST_TEST(both.shape()[0] == 2u);
    BOOST_TEST(both.shape()[1] == 3u);
    BOOST_TEST((!both(0, 1) && both(1, 1)));
}

BOOST_AUTO_TEST_CASE(gradients_of_functions) {
    check_gradients(
        "exp", [](auto const& x) { return exp(x); }, some(1, 2, 3));
    check_gradients(
        "log", [](auto const& x) { return log(x); }, positive(2, 2, 3));
    check_gradients(
        "sqrt", [](auto const& x) { return sqrt(x); }, positive(3, 2, 3));
    check_gradients(
        "square", [](auto const& x) { return square(x); }, some(4, 5));
    check_gradients(
        "sin", [](auto const& x) { return sin(x); }, some(5, 5));
    check_gradients(
        "cos", [](auto const& x) { return cos(x); }, some(6, 5));
    check_gradients(
        "tanh", [](auto const& x) { return tanh(x); }, some(7, 5));
    check_gradients(
        "sigmoid", [](auto const& x) { return sigmoid(x); }, some(8, 5));
    check_gradients(
        "relu", [](auto const& x) { return relu(x); }, apart(9, 7));
    check_gradients(
        "abs", [](auto const& x) { return abs(x); }, apart(10, 7));
    check_gradients(
        "clip", [](auto const& x) { return clip(x, -0.1, 0.1); }, apart(11, 9));
    check_gradients(
        "negate", [](auto const& x) { return -x; }, some(12, 5));
    check_gradients(
        "pow 2.5", [](auto const& x) { return pow(x, 2.5); }, positive(13, 5));
    check_gradients(
        "pow 3", [](auto const& x) { return pow(x, 3); }, some(14, 5));
    check_gradients(
        "pow 0", [](auto const& x) { return pow(x, 0) + x; }, some(14, 5));
    check_gradients(
        "4 / x", [](auto const& x) { return 4 / x; }, positive(15, 5));
    check_gradients(
        "(1 - x) / 3", [](auto const& x) { return (1 - x) / 3; }, some(16, 5));
}

BOOST_AUTO_TEST_CASE(gradients_where_both_are_broadcast) {
    auto const each = [](char const* name, auto const& function) {
        // Equal; a row; a column beside a row; an axis less, on either side; a number.
        check_gradients(name, function, positive(1, 2, 3), positive(2, 2, 3));
        check_gradients(name, function, positive(3, 2, 3), positive(4, 1, 3));
        check_gradients(name, function, positive(5, 2, 1), positive(6, 1, 3));
    };
    each("add", [](auto const& a, auto const& b) { return a + b; });
    each("subtract", [](auto const& a, auto const& b) { return a - b; });
    each("multiply", [](auto const& a, auto const& b) { return a * b; });
    each("divide", [](auto const& a, auto const& b) { return a / b; });
    each("pow", [](auto const& a, auto const& b) { return pow(a, b); });
    each("maximum", [](auto const& a, auto const& b) { return maximum(a, b); });
    each("minimum", [](auto const& a, auto const& b) { return minimum(a, b); });
}

BOOST_AUTO_TEST_CASE(gradients_where_ranks_differ) {
    auto const multiply = [](auto const& a, auto const& b) { return a * b; };
    auto const divide = [](auto const& a, auto const& b) { return a / b; };
    check_gradients("multiply", multiply, some(1, 2, 3, 4), some(2, 3, 1));
    check_gradients("multiply", multiply, some(3, 4), some(4, 2, 3, 1));
    check_gradients("multiply", multiply, some(5, 2, 1, 3, 1), some(6, 4, 1, 5));
    check_gradients("divide", divide, some(7), positive(8, 2, 3));
    check_gradients("divide", divide, some(9, 2, 3), positive(10));
    check_gradients(
        "where",
        [](auto const& a, auto const& b) {
            xt::xtensor<bool, 2> const mask{{true}, {false}};
            return where(mask, a, b);
        },
        some(11, 3), some(12, 2, 1));
}

BOOST_AUTO_TEST_CASE(shapes_that_do_not_fit_are_both_named) {
    auto const x = hc::variable{xt::xtensor<double, 1>{1.0, 2.0, 3.0}};
    auto const y = hc::variable{xt::xtensor<double, 2>{{1.0, 2.0}, {3.0, 4.0}}};
    expect_error(hc::error_kind::shape,
                 {"hookcam::functional::multiply: each axis must have one size in both"},
                 [&] { (void)(x * y); });
    expect_error(hc::error_kind::shape, {"got 3 and 2x2"}, [&] { (void)(x + y); });
    expect_error(hc::error_kind::shape, {"got 2x2 and 3"}, [&] { (void)(y < x); });
}

BOOST_AUTO_TEST_CASE(edges_are_those_of_pytorch) {
    auto const nan = std::numeric_limits<double>::quiet_NaN();
    auto const x = hc::variable{xt::xtensor<double, 1>{0.0, nan, 2.0}};
    auto const gradient_of = [&x](auto const& y) {
        auto leaf = x;
        leaf.zero_grad();
        y.backward(xt::xtensor<double, 1>{1.0, 1.0, 1.0});
        return xt::xtensor<double, 1>{leaf.grad()};
    };
    BOOST_TEST(gradient_of(relu(x))(0) == 0.0);
    BOOST_TEST(gradient_of(relu(x))(1) == 1.0);
    BOOST_TEST(std::isnan(relu(x).value()(1)));
    BOOST_TEST(gradient_of(abs(x))(0) == 0.0);
    BOOST_TEST(std::isinf(gradient_of(sqrt(x))(0)));
    BOOST_TEST(gradient_of(maximum(x, 0.0))(0) == 0.5);
    BOOST_TEST(std::isnan(maximum(x, 0.0).value()(1)));
    BOOST_TEST(std::isnan(minimum(0.0, x).value()(1)));
    BOOST_TEST(gradient_of(clip(x, 0, 2))(0) == 1.0);
    BOOST_TEST(gradient_of(clip(x, 0, 2))(2) == 1.0);
    BOOST_TEST(gradient_of(clip(x, 3, 1))(0) == 0.0);
    BOOST_TEST(clip(x, 3, 1).value()(0) == 1.0);
    BOOST_TEST(gradient_of(maximum(x, 0.0))(1) == 1.0);
    BOOST_TEST(gradient_of(pow(x, 1))(0) == 1.0);
    BOOST_TEST(gradient_of(pow(x, xt::xtensor<double, 1>{0.0, 0.0, 0.0}))(0) == 0.0);
    BOOST_TEST(gradient_of(pow(xt::xtensor<double, 1>{1.0, 1.0, 0.0}, x))(2) == 0.0);
    BOOST_TEST(gradient_of(pow(xt::xtensor<double, 1>{0.0, 0.0, 0.0}, x - 1.0))(0) ==
               -std::numeric_limits<double>::infinity());
    // Infinity in a gradient does not come through where it is stopped.
    auto const infinite = hc::variable{xt::xtensor<double, 1>{-1.0}};
    relu(infinite).backward(xt::xtensor<double, 1>{std::numeric_limits<double>::infinity()});
    BOOST_TEST(infinite.grad()(0) == 0.0);
}
