#pragma once

#include "layer_harness.hpp"

#include <hookcam/hookcam.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

/// Runs layers where they are used: inside networks, by plans.
namespace harness {

/// Checks a network, in which one layer is named "layer", on two inputs of a shape: the gradients of the input
/// and of every parameter agree with central differences (`check_differences` says how far), the output is the
/// same, bit for bit, where a plan keeps what backwards read and where it works in place, and a hook at the
/// layer sees its output.
template <class Network, class Shape>
void check_network(std::uint32_t seed) {
    BOOST_TEST_CONTEXT(hc::detail::type_name_of<Network>()) {
        constexpr double step = 1e-5;
        constexpr double bound = 1e-8;
        hc::model<Network, double> model;
        for (auto const& entry : model.entries()) {
            auto values = noise(entry.size, ++seed);
            // Batch norm takes the root of a variance.
            if (entry.key.ends_with("running_var"))
                for (auto& value : values)
                    value = std::abs(value) + 0.5;
            std::copy(values.begin(), values.end(), entry.data);
        }
        std::array<std::size_t, Shape::rank + 1> shape{2};
        std::copy_n(Shape::value.sizes.begin(), Shape::rank, shape.begin() + 1);
        auto x = xt::xtensor<double, Shape::rank + 1>::from_shape(shape);
        auto const values = noise(x.size(), seed + 1);
        std::copy(values.begin(), values.end(), x.data());

        auto plan = hc::plan<Shape>(
            model, hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<>>>{});
        plan.forward(x);
        auto const numbers = [](auto const& of) { return std::vector<double>(of.begin(), of.end()); };
        auto const output = numbers(plan.output());
        BOOST_TEST((numbers(model(x)) == output));

        auto grad = plan.output().shape();
        auto grad_y = xt::xtensor<double, std::tuple_size_v<decltype(grad)>>::from_shape(grad);
        auto const slopes = noise(grad_y.size(), seed + 2);
        std::copy(slopes.begin(), slopes.end(), grad_y.data());
        plan.backward(grad_y);

        auto infer = hc::plan<Shape>(model);
        auto const functional = [&] {
            infer.refresh(); // the parameters are written through pointers that were asked for before
            auto const y = infer(x);
            double sum = 0;
            for (std::size_t i = 0; i < slopes.size(); ++i)
                sum += slopes[i] * y.data()[i];
            return sum;
        };
        auto const check = [&](std::string const& what, auto const& gradient, double* data) {
            auto const got = numbers(gradient);
            std::vector<double> differences(got.size());
            double largest = 1;
            for (std::size_t i = 0; i < got.size(); ++i) {
                double const before = data[i];
                data[i] = before + step;
                double const above = functional();
                data[i] = before - step;
                double const below = functional();
                data[i] = before;
                differences[i] = (above - below) / (2 * step);
                largest = std::max(largest, std::abs(got[i]));
            }
            check_near("gradient of " + what, got, differences, bound * largest);
        };
        check("the input", plan.input_gradient(), x.data());
        for (auto const& entry : model.entries())
            if (entry.is_learned)
                check(std::string{entry.key}, plan.parameter_gradient(entry.key), entry.data);

        std::vector<double> seen;
        auto const watched = hc::attach<"layer">(
            model, hc::on_forward([&](auto const&, auto const&, auto const& y) { seen = numbers(y); }));
        BOOST_TEST((numbers(watched(x)) == output));
        BOOST_TEST((seen == numbers(hc::get<"layer">(hc::activations<"layer">(model, x)))));
        BOOST_TEST(!seen.empty());
    }
}

} // namespace harness
