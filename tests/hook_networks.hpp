#pragma once

#include <hookcam/hookcam.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

/// Networks that the tests of hooks share, and numbers for them.
namespace hooked {

namespace hc = hookcam;

/// y = B(Ax + a) + b, small enough to be computed by hand. With the parameters of `by_hand()` and x = (1, 2):
/// Ax + a = (5.5, 3), y = 5.5·2 − 3·1 + 1 = 9; and for dy = 1: d(Ax + a) = (2, −1), dx = (3, 2).
using affine =
    hc::sequential<hc::named<"a", hc::linear<2, 2>>, hc::tap<"t">, hc::named<"b", hc::linear<2, 1>>>;

inline hc::model<affine, double> by_hand() {
    hc::model<affine, double> m;
    auto const set = [&](char const* key, std::vector<double> const& values) {
        auto to = m.parameter(key);
        std::copy(values.begin(), values.end(), to.data());
    };
    set("a.weight", {1, 2, -1, 2});
    set("a.bias", {0.5, 0});
    set("b.weight", {2, -1});
    set("b.bias", {1});
    return m;
}

inline xt::xtensor<double, 2> by_hand_input() {
    return {{1, 2}};
}

/// One of each: layers with and without parameters, with and without names, a residual, a composite in a
/// composite, a tap, an indexed sequence, a view, and layers that may run in place.
using nested = hc::sequential<
    hc::named<"conv", hc::conv2d<2, 3, hc::kernel<3>, hc::padding<1>>>, hc::relu<>,
    hc::named<"block", hc::sequential<hc::residual<hc::sequential<
                                          hc::named<"conv1", hc::conv2d<3, 3, hc::kernel<1>>>, hc::relu<>,
                                          hc::named<"conv2", hc::conv2d<3, 3, hc::kernel<1>>>>>,
                                      hc::relu<>>>,
    hc::tap<"tap">, hc::named<"features", hc::indexed<hc::avg_pool2d<2>, hc::relu<>>>, hc::flatten<>,
    hc::named<"fc", hc::linear<12, 4>>>;

inline std::vector<std::string> const nested_paths{
    "conv", "block", "block.conv1", "block.conv2", "tap", "features", "features.0", "features.1", "fc"};

/// What follows the tap of `nested`.
using behind_tap = hc::sequential<hc::named<"features", hc::indexed<hc::avg_pool2d<2>, hc::relu<>>>,
                                  hc::flatten<>, hc::named<"fc", hc::linear<12, 4>>>;

/// Numbers from −1 to 1, the same on every machine.
template <class T>
void fill_with_noise(T* to, std::size_t size, std::uint32_t seed) {
    std::mt19937 next{seed};
    for (std::size_t i = 0; i < size; ++i)
        to[i] = static_cast<T>(static_cast<double>(next()) / 2147483648.0 - 1.0);
}

template <class T, std::size_t Rank>
xt::xtensor<T, Rank> noise(std::array<std::size_t, Rank> const& shape, std::uint32_t seed) {
    auto made = xt::xtensor<T, Rank>::from_shape(shape);
    fill_with_noise(made.data(), made.size(), seed);
    return made;
}

template <class Network, class T = double>
hc::model<Network, T> with_noise(std::uint32_t seed = 1) {
    hc::model<Network, T> m;
    fill_with_noise(m.data(), m.size(), seed);
    return m;
}

/// Two images for `nested`.
template <class T = double>
xt::xtensor<T, 4> two_images(std::uint32_t seed = 2) {
    return noise<T, 4>({2, 2, 4, 4}, seed);
}

/// A gradient of the output of `nested`.
template <class T = double>
xt::xtensor<T, 2> two_gradients(std::uint32_t seed = 3) {
    return noise<T, 2>({2, 4}, seed);
}

inline std::vector<double> const& numbers(std::vector<double> const& of) {
    return of;
}
template <class Tensor>
std::vector<double> numbers(Tensor const& of) {
    std::vector<double> made;
    made.reserve(of.size());
    for (std::size_t i = 0; i < of.size(); ++i)
        made.push_back(static_cast<double>(of.data()[i]));
    return made;
}

/// The same bits.
template <class A, class B>
void check_same(A const& got, B const& expected) {
    auto const a = numbers(got), b = numbers(expected);
    BOOST_TEST(a == b, boost::test_tools::per_element());
}

/// Every number within `tolerance`.
template <class A, class B>
void check_near(A const& got, B const& expected, double tolerance) {
    auto const a = numbers(got), b = numbers(expected);
    BOOST_TEST(a.size() == b.size());
    if (a.size() != b.size())
        return;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (!(std::abs(a[i] - b[i]) <= tolerance))
            BOOST_TEST(false, "element " << i << " is " << a[i] << ", expected " << b[i]);
}

/// Central differences of Σ weights·run() by every number of `of`. In double with steps of 1e-6 their error
/// is about 1e-16/1e-6 = 1e-10 for numbers around one where no kink of a ReLU is near; the tests allow 1e-7.
template <class Weights, class Run>
std::vector<double> differences(double* of, std::size_t size, Weights const& weights, Run run) {
    constexpr double step = 1e-6;
    auto const functional = [&] {
        auto const out = numbers(run());
        double sum = 0;
        for (std::size_t i = 0; i < out.size(); ++i)
            sum += out[i] * weights.data()[i];
        return sum;
    };
    std::vector<double> made(size);
    for (std::size_t i = 0; i < size; ++i) {
        double const before = of[i];
        of[i] = before + step;
        double const above = functional();
        of[i] = before - step;
        double const below = functional();
        of[i] = before;
        made[i] = (above - below) / (2 * step);
    }
    return made;
}
inline constexpr double difference_tolerance = 1e-7;

/// How many of a plan's steps begin with some words.
template <class Plan>
std::size_t count_steps(Plan const& plan, std::string const& words) {
    std::size_t count = 0;
    for (auto const& step : plan.steps())
        count += step.rfind(words, 0) == 0 ? 1u : 0u;
    return count;
}

/// The gradients that many tests ask for.
using all_gradients = hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<>>>;

} // namespace hooked
