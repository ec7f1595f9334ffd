// Losses: closed forms, gradients against finite differences, and what is refused. train_pytorch compares with PyTorch.

#define BOOST_TEST_MODULE train_losses
#include <boost/test/unit_test.hpp>

#include "expect_error.hpp"

#include "xtensor.hpp"

#include <hookcam/tensor/xtensor.hpp>
#include <hookcam/train/binary_cross_entropy_with_logits.hpp>
#include <hookcam/train/cross_entropy.hpp>
#include <hookcam/train/l1_loss.hpp>
#include <hookcam/train/mse_loss.hpp>
#include <hookcam/train/nll_loss.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace hc = hookcam;
namespace {

using matrix = xt::xtensor<double, 2>;
using labels = std::vector<std::int64_t>;

template <std::size_t Rank>
xt::xtensor<double, Rank> random_numbers(std::array<std::size_t, Rank> const& shape, unsigned seed) {
    auto numbers = xt::xtensor<double, Rank>::from_shape(shape);
    std::mt19937 generator{seed};
    std::normal_distribution<double> some{0, 2};
    std::generate(numbers.begin(), numbers.end(), [&] { return some(generator); });
    return numbers;
}

/// Central differences of a loss in double: their error is about the cube root of its rounding, squared.
template <class Tensor, class Loss>
void check_gradient(Tensor x, Loss const& loss) {
    auto const gradient = Tensor{loss(x).gradient};
    constexpr double h = 1e-5;
    for (std::size_t i = 0; i < x.size(); ++i) {
        double const at = x.data()[i];
        x.data()[i] = at + h;
        double const more = loss(x).value;
        x.data()[i] = at - h;
        double const less = loss(x).value;
        x.data()[i] = at;
        BOOST_TEST(std::abs((more - less) / (2 * h) - gradient.data()[i]) < 1e-8);
    }
}

double const no_number = std::numeric_limits<double>::quiet_NaN();

} // namespace

BOOST_AUTO_TEST_CASE(cross_entropy_of_equal_logits_is_the_logarithm_of_the_number_of_classes) {
    hc::cross_entropy<double> criterion;
    matrix const x{{3, 3, 3, 3}, {-1, -1, -1, -1}};
    auto const loss = criterion(x, labels{2, 0});
    BOOST_TEST(loss.value == std::log(4.0), boost::test_tools::tolerance(1e-15));
    // (softmax − one-hot) / N
    matrix const gradient{{0.125, 0.125, -0.375, 0.125}, {-0.375, 0.125, 0.125, 0.125}};
    for (std::size_t i = 0; i < x.size(); ++i)
        BOOST_TEST(loss.gradient.data()[i] == gradient.data()[i], boost::test_tools::tolerance(1e-15));
    BOOST_TEST(loss.values(1) == std::log(4.0), boost::test_tools::tolerance(1e-15));
}

BOOST_AUTO_TEST_CASE(cross_entropy_of_huge_logits_is_finite) {
    hc::cross_entropy<float> criterion;
    xt::xtensor<float, 2> const x{{1e30F, -1e30F}, {-1e4F, 1e4F}};
    auto const loss = criterion(x, labels{0, 0});
    BOOST_TEST(loss.value == 1e4F); // (0 + 2e4) / 2
    BOOST_TEST(loss.gradient(0, 0) == 0);
    BOOST_TEST(loss.gradient(1, 0) == -0.5F);
}

BOOST_AUTO_TEST_CASE(label_smoothing_and_weights_are_as_their_formula_says) {
    hc::cross_entropy<double> criterion{{.weight = {1, 2, 4}, .label_smoothing = 0.3}};
    matrix const x{{0, std::log(2.0), std::log(5.0)}}; // probabilities 1/8, 2/8, 5/8
    double const of_each = 0.1 * (std::log(8.0) + 2 * std::log(4.0) + 4 * std::log(1.6));
    BOOST_TEST(criterion(x, labels{1}).value == (0.7 * 2 * std::log(4.0) + of_each) / 2,
               boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(ignored_labels_count_for_nothing) {
    hc::cross_entropy<double> criterion;
    auto x = random_numbers<2>({3, 5}, 1);
    auto const all = criterion(x, labels{4, -100, 2});
    BOOST_TEST(all.values(1) == 0);
    for (std::size_t c = 0; c < 5; ++c)
        BOOST_TEST(all.gradient(1, c) == 0);
    double const mean = all.value;
    BOOST_TEST(mean == (all.values(0) + all.values(2)) / 2, boost::test_tools::tolerance(1e-15));
    // PyTorch's mean of nothing is NaN too; its gradient is zero.
    auto const none = criterion(x, labels{-100, -100, -100});
    BOOST_TEST(std::isnan(none.value));
    BOOST_TEST(std::all_of(none.gradient.begin(), none.gradient.end(), [](double g) { return g == 0; }));
    hc::cross_entropy<double> other{{.ignore_index = 2}};
    BOOST_TEST(other(x, labels{4, 2, 0}).values(1) == 0);
}

BOOST_AUTO_TEST_CASE(reductions) {
    auto const x = random_numbers<2>({4, 3}, 2);
    labels const y{0, 1, 2, 1};
    hc::cross_entropy<double> mean{{.weight = {1, 2, 3}}};
    hc::cross_entropy<double> sum{{.weight = {1, 2, 3}, .reduction = hc::reduction::sum}};
    hc::cross_entropy<double> none{{.weight = {1, 2, 3}, .reduction = hc::reduction::none}};
    auto const a = mean(x, y);
    auto const b = sum(x, y);
    auto const c = none(x, y);
    BOOST_TEST(b.value == a.value * 8, boost::test_tools::tolerance(1e-14)); // 1 + 2 + 3 + 2
    BOOST_TEST(c.value == b.value);
    BOOST_TEST(b.value == c.values(0) + c.values(1) + c.values(2) + c.values(3),
               boost::test_tools::tolerance(1e-14));
    BOOST_TEST(b.gradient(2, 1) == c.gradient(2, 1));
}

BOOST_AUTO_TEST_CASE(labels_of_any_integral_type_and_of_a_map_of_classes) {
    auto const x = random_numbers<4>({2, 3, 2, 2}, 3);
    hc::cross_entropy<double> criterion;
    auto const maps = criterion(x, std::vector<std::uint8_t>{0, 1, 2, 0, 1, 1, 2, 2});
    BOOST_TEST(maps.values.dimension() == 3u);
    // The same as samples one by one.
    hc::cross_entropy<double> single;
    matrix const pixel{{x(1, 0, 1, 0), x(1, 1, 1, 0), x(1, 2, 1, 0)}};
    auto const one = single(pixel, std::array{2});
    BOOST_TEST(maps.values(1, 1, 0) == one.value);
    BOOST_TEST(maps.gradient(1, 1, 1, 0) == one.gradient(0, 1) / 8, boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(gradients_are_derivatives) {
    auto const x = random_numbers<2>({5, 4}, 4);
    labels const y{3, 0, -100, 1, 1};
    hc::cross_entropy<double> plain;
    check_gradient(x, [&](auto const& at) { return plain(at, y); });
    hc::cross_entropy<double> full{{.weight = {0.5, 2, 0, 3}, .label_smoothing = 0.2}};
    check_gradient(x, [&](auto const& at) { return full(at, y); });
    hc::nll_loss<double> likelihood{{.weight = {0.5, 2, 0, 3}, .reduction = hc::reduction::sum}};
    check_gradient(x, [&](auto const& at) { return likelihood(at, y); });
    auto const t = random_numbers<2>({5, 4}, 5);
    hc::mse_loss<double> squares;
    check_gradient(x, [&](auto const& at) { return squares(at, t); });
    hc::l1_loss<double> absolute{{.reduction = hc::reduction::sum}};
    check_gradient(x, [&](auto const& at) { return absolute(at, t); });
    hc::binary_cross_entropy_with_logits<double> binary{{.weight = {2}, .pos_weight = {1, 2, 3, 0.5}}};
    matrix const share = 1 / (1 + xt::exp(-t));
    check_gradient(x, [&](auto const& at) { return binary(at, share); });
}

BOOST_AUTO_TEST_CASE(squares_and_absolute_values) {
    xt::xtensor<double, 1> const x{1, 2, 3, no_number};
    xt::xtensor<double, 1> const t{1, 4, 2, 0};
    hc::mse_loss<double> squares{{.reduction = hc::reduction::none}};
    auto const a = squares(x, t);
    BOOST_TEST(a.values(1) == 4);
    BOOST_TEST(a.gradient(1) == -4);
    hc::l1_loss<double> absolute;
    auto const b = absolute(x, t);
    BOOST_TEST(b.values(1) == 2);
    BOOST_TEST(b.gradient(0) == 0);
    BOOST_TEST(b.gradient(1) == -0.25);
    BOOST_TEST(b.gradient(2) == 0.25);
    BOOST_TEST(std::isnan(b.gradient(3)));
    BOOST_TEST(std::isnan(b.value));
}

BOOST_AUTO_TEST_CASE(binary_cross_entropy_of_huge_logits_is_finite) {
    hc::binary_cross_entropy_with_logits<float> criterion{{.reduction = hc::reduction::none}};
    auto const loss =
        criterion(xt::xtensor<float, 1>{1000, -1000, 0, -1000}, xt::xtensor<float, 1>{0, 1, 1, 0});
    BOOST_TEST(loss.values(0) == 1000);
    BOOST_TEST(loss.values(1) == 1000);
    BOOST_TEST(loss.values(2) == std::log(2.0F), boost::test_tools::tolerance(1e-6F));
    BOOST_TEST(loss.gradient(0) == 1);
    BOOST_TEST(loss.gradient(1) == -1);
    BOOST_TEST(loss.gradient(3) == 0);
}

BOOST_AUTO_TEST_CASE(what_is_refused) {
    using kind = hc::error_kind;
    matrix const x = xt::zeros<double>({2, 3});
    hc::cross_entropy<double> criterion;
    expect_error(kind::use, {"cross_entropy", "from 0 to 2", "-100", "label 1 is 3"}, [&] {
        criterion(x, labels{0, 3});
    });
    expect_error(kind::use, {"label 0 is -1"}, [&] { criterion(x, labels{-1, 3}); });
    expect_error(kind::use, {"label 1 is 18446744073709551615"}, [&] {
        criterion(x, std::vector<std::uint64_t>{0, std::numeric_limits<std::uint64_t>::max()});
    });
    expect_error(kind::shape, {"a label for each sample, 2; got 3"}, [&] { criterion(x, labels{0, 1, 2}); });
    hc::nll_loss<double> weighted{{.weight = {1, 2}}};
    expect_error(kind::shape, {"nll_loss", "a weight for each class, 3; got 2"}, [&] {
        weighted(x, labels{0, 1});
    });
    expect_error(kind::use, {"label_smoothing must be from 0 to 1"},
                 [] { hc::cross_entropy<double>{{.label_smoothing = 1.5}}; });
    expect_error(kind::use, {"label_smoothing"},
                 [] { hc::cross_entropy<double>{{.label_smoothing = no_number}}; });
    hc::mse_loss<double> squares;
    expect_error(kind::shape, {"mse_loss", "the input's shape"}, [&] {
        squares(x, matrix{xt::zeros<double>({3, 2})});
    });
    hc::binary_cross_entropy_with_logits<double> binary{{.pos_weight = {1, 2}}};
    expect_error(kind::shape, {"pos_weight", "last axis, 3; got 2"}, [&] { binary(x, x); });
}
