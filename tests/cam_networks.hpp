#pragma once

#include "xtensor.hpp"

#include <hookcam/hookcam.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>

/// Small networks and random numbers for the tests of explanations.
namespace cam {

namespace hc = hookcam;

// Global average pool and a linear head: the network for which class activation maps have a closed form (Zhou
// et al., 2016). With u_k = W[c,k]/(H·W), the gradient at the pool's input is u_k everywhere.
inline constexpr std::size_t channels = 6;
inline constexpr std::size_t side = 5;
using head =
    hc::sequential<hc::named<"conv", hc::conv2d<2, channels, hc::kernel<3>, hc::padding<1>>>,
                   hc::adaptive_avg_pool2d<1>, hc::flatten<>, hc::named<"fc", hc::linear<channels, 4>>>;

/// Normally distributed parameters; variances are made positive.
template <class Model>
Model randomized(unsigned seed) {
    Model model;
    std::mt19937 generator{seed};
    std::normal_distribution<typename Model::value_type> some{0, 1};
    std::generate_n(model.data(), model.size(), [&] { return some(generator); });
    for (auto& entry : model.entries())
        if (entry.key.ends_with("running_var"))
            std::transform(entry.data, entry.data + entry.size, entry.data,
                           [](auto value) { return std::abs(value) + typename Model::value_type(0.5); });
    return model;
}

inline xt::xtensor<double, 4> random_images(std::size_t batch, unsigned seed) {
    xt::xtensor<double, 4> images = xt::xtensor<double, 4>::from_shape({batch, 2, side, side});
    std::mt19937 generator{seed};
    std::normal_distribution<double> some{0, 1};
    std::generate(images.begin(), images.end(), [&] { return some(generator); });
    return images;
}

/// The largest difference of two ranges; NaN is one.
template <class A, class B>
double distance(A const& a, B const& b) {
    double largest = 0;
    auto at = b.begin();
    for (auto const value : a) {
        double const difference = std::abs(value - *at++);
        if (!(difference <= largest))
            largest = difference;
    }
    return largest;
}

inline auto is_use_error() {
    return [](hc::error const& e) { return e.kind() == hc::error_kind::use; };
}

// Doubles: a few hundred additions of numbers near one.
inline constexpr double rounding = 1e-12;

} // namespace cam
