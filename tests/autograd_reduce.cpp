// Sums, means, maxima and products of variables.

#define BOOST_TEST_MODULE autograd_reduce
#include "autograd_harness.hpp"
#include "expect_error.hpp"

#include <limits>

namespace hc = hookcam;
using harness::apart;
using harness::check_gradients;
using harness::some;

namespace {

xt::xtensor<double, 3> const numbers{{{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}},
                                     {{7.0, 8.0, 9.0}, {10.0, 11.0, 13.0}}};

} // namespace

BOOST_AUTO_TEST_CASE(values_are_those_of_numpy) {
    auto const x = hc::variable{numbers};
    BOOST_TEST(sum(x).item() == 79.0);
    BOOST_TEST((sum<0, 2>(x).shape() == std::array<std::size_t, 1>{2}));
    BOOST_TEST((sum<0, 2>(x).value()(0) == 30.0));
    BOOST_TEST((sum<0, 2>(x).value()(1) == 49.0));
    BOOST_TEST((sum<0, 2>(x, hc::keep_dims).shape() == std::array<std::size_t, 3>{1, 2, 1}));
    BOOST_TEST(sum<-2>(x).value()(1, 2) == 22.0);
    BOOST_TEST(mean(x).item() == 79.0 / 12);
    BOOST_TEST(mean<2>(x).value()(0, 1) == 5.0);
    BOOST_TEST(max<1>(x).value()(1, 2) == 13.0);
    BOOST_TEST(min<0>(x).value()(1, 0) == 4.0);
    BOOST_TEST(max(x).item() == 13.0);
    BOOST_TEST(variance<2>(x).value()(0, 0) == 1.0);
    BOOST_TEST(variance<2>(x, 0).value()(0, 0) == 2.0 / 3);
    BOOST_TEST(std::abs(logsumexp(hc::variable{xt::xtensor<double, 1>{1000.0, 1000.0}}).item() - 1000 -
                        std::log(2.0)) < 1e-12);
    auto const infinity = std::numeric_limits<double>::infinity();
    BOOST_TEST(logsumexp(hc::variable{xt::xtensor<double, 1>{-infinity, -infinity}}).item() == -infinity);
    auto const nan = std::numeric_limits<double>::quiet_NaN();
    BOOST_TEST(std::isnan(max(hc::variable{xt::xtensor<double, 1>{1.0, nan, 2.0}}).item()));
    BOOST_TEST(std::isnan(variance(hc::variable{xt::xtensor<double, 1>{1.0}}).item()));
    // Long sums are exact to a few roundings: one tenth, a million times, in float.
    xt::xtensor<float, 1> many = xt::xtensor<float, 1>::from_shape({1'000'000});
    std::fill(many.begin(), many.end(), 0.1F);
    BOOST_TEST(std::abs(sum(hc::constant(many)).item() - 100'000.0F) < 0.5F);
}

BOOST_AUTO_TEST_CASE(gradients_of_reductions) {
    check_gradients(
        "sum", [](auto const& x) { return sum(x * x); }, some(1, 2, 3));
    check_gradients(
        "sum 0", [](auto const& x) { return sum<0>(x); }, some(2, 2, 3));
    check_gradients(
        "sum 0 2", [](auto const& x) { return sum<0, 2>(x); }, some(3, 2, 3, 4));
    check_gradients(
        "sum 1 keep", [](auto const& x) { return x * sum<1>(x, hc::keep_dims); }, some(4, 2, 3, 2));
    check_gradients(
        "mean", [](auto const& x) { return mean(x); }, some(5, 2, 3));
    check_gradients(
        "mean 1", [](auto const& x) { return mean<1>(x); }, some(6, 2, 3));
    check_gradients(
        "mean -1 keep", [](auto const& x) { return x - mean<-1>(x, hc::keep_dims); }, some(7, 2, 3));
    check_gradients(
        "max", [](auto const& x) { return max(x); }, apart(8, 2, 3));
    check_gradients(
        "max 1", [](auto const& x) { return max<1>(x); }, apart(9, 3, 4));
    check_gradients(
        "max 0 2 keep", [](auto const& x) { return max<0, 2>(x, hc::keep_dims) * x; }, apart(10, 2, 2, 3));
    check_gradients(
        "min 0", [](auto const& x) { return min<0>(x); }, apart(11, 3, 4));
    check_gradients(
        "variance", [](auto const& x) { return variance(x); }, some(12, 2, 3));
    check_gradients(
        "variance 0", [](auto const& x) { return variance<0>(x, 0); }, some(13, 4, 3));
    check_gradients(
        "logsumexp", [](auto const& x) { return logsumexp(x); }, some(14, 2, 3));
    check_gradients(
        "logsumexp 1 keep", [](auto const& x) { return x - logsumexp<1>(x, hc::keep_dims); }, some(15, 2, 3));
}

BOOST_AUTO_TEST_CASE(equal_maxima_share_the_gradient) {
    auto const x = hc::variable{xt::xtensor<double, 1>{3.0, 1.0, 3.0}};
    max(x).backward();
    BOOST_TEST(x.grad()(0) == 0.5);
    BOOST_TEST(x.grad()(1) == 0.0);
    BOOST_TEST(x.grad()(2) == 0.5);
    expect_error(hc::error_kind::shape, {"hookcam::functional::max: there must be an element"},
                 [] { (void)max(hc::variable{xt::xtensor<double, 1>::from_shape({0})}); });
    BOOST_TEST(sum(hc::variable{xt::xtensor<double, 1>::from_shape({0})}).item() == 0.0);
}

BOOST_AUTO_TEST_CASE(products_are_those_of_numpy) {
    auto const a = hc::variable{xt::xtensor<double, 2>{{1.0, 2.0}, {3.0, 4.0}}};
    auto const v = hc::variable{xt::xtensor<double, 1>{5.0, 6.0}};
    BOOST_TEST(matmul(a, a).value()(1, 0) == 15.0);
    BOOST_TEST(matmul(a, v).value()(0) == 17.0);
    BOOST_TEST(matmul(v, a).value()(0) == 23.0);
    BOOST_TEST(matmul(v, v).item() == 61.0);
    auto const batched = matmul(hc::constant(numbers), xt::xtensor<double, 2>{{1.0}, {1.0}, {2.0}});
    BOOST_TEST((batched.shape() == std::array<std::size_t, 3>{2, 2, 1}));
    BOOST_TEST(batched.value()(1, 1, 0) == 47.0);
    expect_error(hc::error_kind::shape, {"hookcam::functional::matmul", "got 2x2 and 3x1"}, [&] {
        (void)matmul(a, xt::xtensor<double, 2>{{1.0}, {1.0}, {2.0}});
    });
}

BOOST_AUTO_TEST_CASE(gradients_of_products) {
    auto const product = [](auto const& a, auto const& b) { return matmul(a, b); };
    check_gradients("matrices", product, some(1, 2, 3), some(2, 3, 4));
    check_gradients("matrix and vector", product, some(3, 2, 3), some(4, 3));
    check_gradients("vector and matrix", product, some(5, 3), some(6, 3, 4));
    check_gradients("vectors", product, some(7, 3), some(8, 3));
    check_gradients("batch and matrix", product, some(9, 2, 2, 3), some(10, 3, 2));
    check_gradients("matrix and batch", product, some(11, 2, 3), some(12, 2, 3, 2));
    check_gradients("batches", product, some(13, 2, 2, 3), some(14, 2, 3, 1));
    check_gradients("broadcast batches", product, some(15, 3, 1, 2, 3), some(16, 2, 3, 2));
}

BOOST_AUTO_TEST_CASE(threads_share_a_product_and_change_no_bit) {
    auto const a = hc::variable{some(1, 64, 300)}, b = hc::variable{some(2, 300, 200)};
    auto const run = [&] {
        a.zero_grad();
        auto const y = matmul(a, b);
        sum(y * y).backward();
        return xt::xtensor<double, 2>{a.grad()};
    };
    auto const alone = run();
    hc::set_num_threads(3);
    auto const shared = run();
    hc::set_num_threads(1);
    BOOST_TEST((alone == shared));
}
