#pragma once

#include "layer_harness.hpp"

#include <hookcam/autograd.hpp>

#include <boost/test/unit_test.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

/// Compares the gradients of computations with finite differences.
namespace harness {

template <std::size_t Rank>
using tensor = xt::xtensor<double, Rank>;

/// A tensor of a shape, with the numbers given.
template <class... Sizes>
tensor<sizeof...(Sizes)> filled(std::vector<double> (*numbers)(std::size_t, std::uint32_t),
                                std::uint32_t seed, Sizes... sizes) {
    auto made = tensor<sizeof...(Sizes)>::from_shape({static_cast<std::size_t>(sizes)...});
    auto const values = numbers(made.size(), seed);
    std::copy(values.begin(), values.end(), made.data());
    return made;
}
/// Numbers from −1 to 1.
template <class... Sizes>
auto some(std::uint32_t seed, Sizes... sizes) {
    return filled(&noise, seed, sizes...);
}
/// Numbers from 0.5 to 2.5, for roots and logarithms.
template <class... Sizes>
auto positive(std::uint32_t seed, Sizes... sizes) {
    auto made = some(seed, sizes...);
    made += 1.5;
    return made;
}
/// Numbers away from zero and from one another, for what has kinks.
template <class... Sizes>
auto apart(std::uint32_t seed, Sizes... sizes) {
    return filled(&separated, seed, sizes...);
}

/// Each gradient against central differences, relative to the largest of its tensor (or to one where that is
/// smaller). With steps of 1e-5 rounding leaves 1e-16/1e-5 = 1e-11 of the functional, the third derivative 1e-10:
/// 1e-7 is what is asked for.
inline void compare_with_differences(std::string const& what, std::function<double()> const& functional,
                                     std::vector<std::pair<double*, std::size_t>> const& inputs,
                                     std::vector<std::vector<double>> const& gradients) {
    constexpr double step = 1e-5;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
        auto const [data, count] = inputs[k];
        double largest = 1;
        for (auto const value : gradients[k])
            largest = std::max(largest, std::abs(value));
        std::vector<double> differences(count);
        for (std::size_t i = 0; i < count; ++i) {
            double const before = data[i];
            data[i] = before + step;
            double const above = functional();
            data[i] = before - step;
            double const below = functional();
            data[i] = before;
            differences[i] = (above - below) / (2 * step);
        }
        check_near(what + ", input " + std::to_string(k), gradients[k], differences, 1e-7 * largest);
    }
}

inline double weighted(std::vector<double> const& weights, double const* values) {
    double sum = 0;
    for (std::size_t i = 0; i < weights.size(); ++i)
        sum += weights[i] * values[i];
    return sum;
}

/// Compares the gradients of `function(x...)`, a variable of any shape, with differences of Σ weight·result.
template <class Function, std::size_t... Ranks>
void check_gradients(std::string const& what, Function const& function, tensor<Ranks>... x) {
    std::tuple<hookcam::variable<double, Ranks>...> leaves{hookcam::variable<double, Ranks>{x}...};
    auto const y = std::apply(function, leaves);
    auto const weights = noise(y.size(), 77);
    auto seed = y.detach();
    auto gradient = hookcam::constant(seed.value());
    std::copy(weights.begin(), weights.end(), gradient.mutable_value().data());
    y.backward(gradient);
    std::vector<std::vector<double>> gradients;
    std::apply(
        [&](auto const&... leaf) {
            (gradients.emplace_back(leaf.grad().data(), leaf.grad().data() + leaf.size()), ...);
        },
        leaves);
    auto const functional = [&] {
        return weighted(weights, function(hookcam::variable<double, Ranks>{x}...).value().data());
    };
    compare_with_differences(what, functional, {{x.data(), x.size()}...}, gradients);
}

/// The same of the gradient itself: of Σ weight·gradient, as a function of the same inputs.
template <class Function, std::size_t... Ranks>
void check_second_order(std::string const& what, Function const& function, tensor<Ranks>... x) {
    auto const directional = [&function](hookcam::variable<double, Ranks> const&... inputs) {
        auto const y = function(inputs...);
        auto seed = hookcam::constant(y.value());
        auto const weights = noise(y.size(), 78);
        std::copy(weights.begin(), weights.end(), seed.mutable_value().data());
        auto const gradients =
            hookcam::grad(sum(y * seed), std::tie(inputs...), {.create_graph = true, .allow_unused = true});
        std::uint32_t number = 79;
        auto const along = [&number](auto const& gradient) {
            auto direction = hookcam::constant(gradient.value());
            auto const values = noise(gradient.size(), number++);
            std::copy(values.begin(), values.end(), direction.mutable_value().data());
            return sum(gradient * direction);
        };
        // What is linear in an input has no second derivative there: the zero keeps it in the graph.
        auto const unused = (sum(inputs * 0.0) + ...);
        return std::apply([&](auto const&... gradient) { return (unused + ... + along(gradient)); },
                          gradients);
    };
    check_gradients(what + ", second order", directional, x...);
}

/// Both.
template <class Function, std::size_t... Ranks>
void check_both(std::string const& what, Function const& function, tensor<Ranks> const&... x) {
    check_gradients(what, function, x...);
    check_second_order(what, function, x...);
}

} // namespace harness
