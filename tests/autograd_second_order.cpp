// Gradients of gradients, against finite differences of gradients.

#define BOOST_TEST_MODULE autograd_second_order
#include "autograd_harness.hpp"

namespace hc = hookcam;
using harness::apart;
using harness::check_second_order;
using harness::positive;
using harness::some;

BOOST_AUTO_TEST_CASE(of_functions) {
    check_second_order(
        "exp", [](auto const& x) { return exp(x); }, some(1, 4));
    check_second_order(
        "log", [](auto const& x) { return log(x); }, positive(2, 4));
    check_second_order(
        "sqrt", [](auto const& x) { return sqrt(x); }, positive(3, 4));
    check_second_order(
        "sin", [](auto const& x) { return sin(x); }, some(4, 4));
    check_second_order(
        "cos", [](auto const& x) { return cos(x); }, some(14, 4));
    check_second_order(
        "tanh", [](auto const& x) { return tanh(x); }, some(5, 4));
    check_second_order(
        "sigmoid", [](auto const& x) { return sigmoid(x); }, some(6, 4));
    check_second_order(
        "relu", [](auto const& x) { return relu(x) * x; }, apart(7, 6));
    check_second_order(
        "abs", [](auto const& x) { return abs(x) * x; }, apart(8, 6));
    check_second_order(
        "clip", [](auto const& x) { return clip(x, -0.1, 0.1) * x; }, apart(9, 8));
    check_second_order(
        "pow", [](auto const& x) { return pow(x, 3); }, some(10, 4));
    check_second_order(
        "1 / x", [](auto const& x) { return 1 / x; }, positive(11, 4));
}

BOOST_AUTO_TEST_CASE(of_two_that_are_broadcast) {
    check_second_order(
        "multiply", [](auto const& a, auto const& b) { return a * b; }, some(1, 2, 3), some(2, 2, 1));
    check_second_order(
        "divide", [](auto const& a, auto const& b) { return a / b; }, some(3, 2, 3), positive(4, 2, 1));
    check_second_order(
        "pow", [](auto const& a, auto const& b) { return pow(a, b); }, positive(5, 3), positive(6, 3));
    check_second_order(
        "maximum", [](auto const& a, auto const& b) { return maximum(a, b) * a; }, some(7, 4), some(8, 4));
    check_second_order(
        "where",
        [](auto const& a, auto const& b) {
            return square(where(xt::xtensor<bool, 2>{{true}, {false}}, a, b));
        },
        some(9, 3), some(10, 2, 1));
}

BOOST_AUTO_TEST_CASE(of_reductions_and_products) {
    check_second_order(
        "sum", [](auto const& x) { return square(sum<0>(x * x)); }, some(1, 3, 2));
    check_second_order(
        "variance", [](auto const& x) { return variance(x); }, some(2, 4));
    check_second_order(
        "max", [](auto const& x) { return square(max<0>(x)); }, apart(3, 3, 2));
    check_second_order(
        "logsumexp", [](auto const& x) { return logsumexp<1>(x); }, some(4, 2, 3));
    check_second_order(
        "matmul", [](auto const& a, auto const& b) { return square(matmul(a, b)); }, some(5, 2, 3),
        some(6, 3, 2));
    check_second_order(
        "batched matmul", [](auto const& a, auto const& b) { return square(matmul(a, b)); }, some(7, 2, 2, 3),
        some(8, 1, 3, 2));
}

BOOST_AUTO_TEST_CASE(of_what_moves_elements) {
    check_second_order(
        "moves",
        [](auto const& x) {
            return square(concatenate<0>(transpose(x), reshape(x, 3, 2), pad<1>(slice<1>(x, 0, 1), 1, 0),
                                         gather<1>(x, xt::xtensor<int, 2>{{0, 2}, {2, 2}})));
        },
        some(1, 2, 3));
}

BOOST_AUTO_TEST_CASE(a_third_derivative_too) {
    auto const x = hc::variable{2.0};
    auto const first = hc::grad(pow(x, 5), x, {.create_graph = true});
    auto const second = hc::grad(first, x, {.create_graph = true});
    auto const third = hc::grad(second, x);
    BOOST_TEST(std::abs(first.item() - 5 * 16.0) < 1e-12);
    BOOST_TEST(std::abs(second.item() - 20 * 8.0) < 1e-12);
    BOOST_TEST(std::abs(third.item() - 60 * 4.0) < 1e-12);
}
