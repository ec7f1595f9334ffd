#pragma once

#include <hookcam/hookcam.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>

namespace micro {

namespace hc = hookcam;

/// A batch of noise for inputs of a shape.
template <class Shape>
[[nodiscard]] auto noise(std::size_t batch) {
    constexpr auto sizes = Shape::value;
    std::array<std::size_t, sizes.rank + 1> shape{batch};
    std::copy_n(sizes.sizes.begin(), sizes.rank, shape.begin() + 1);
    auto result = xt::xtensor<float, sizes.rank + 1>::from_shape(shape);
    std::mt19937 random{3};
    std::normal_distribution<float> normal;
    std::generate(result.begin(), result.end(), [&] { return normal(random); });
    return result;
}

/// A model of that one layer, with noise for its parameters.
template <class Layer>
[[nodiscard]] auto model_of_one() {
    hc::model<hc::sequential<hc::named<"layer", Layer>>> model;
    std::mt19937 random{5};
    std::uniform_real_distribution<float> positive{0.1F, 1}; // a variance must be
    std::generate_n(model.data(), model.size(), [&] { return positive(random); });
    return model;
}

/// Forward through one layer, in a plan as a network has it; the argument is the batch. A layer costs what
/// `identity` does, which copies the input into the plan, and its own work.
template <class Layer, class Shape>
void forward(benchmark::State& state) {
    auto const model = model_of_one<Layer>();
    auto const input = noise<Shape>(static_cast<std::size_t>(state.range(0)));
    auto plan = hc::plan<Shape>(model);
    for ([[maybe_unused]] auto _ : state)
        benchmark::DoNotOptimize(plan(input).data());
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(input.size()));
}

/// Back through one layer: the gradients of its input and of its parameters.
template <class Layer, class Shape>
void backward(benchmark::State& state) {
    auto const model = model_of_one<Layer>();
    auto const input = noise<Shape>(static_cast<std::size_t>(state.range(0)));
    using request = hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<>>>;
    auto plan = hc::plan<Shape>(model, request{});
    plan.forward(input);
    auto gradient = plan.gradient_to_fill();
    std::fill_n(gradient.data(), gradient.size(), 1.0F);
    for ([[maybe_unused]] auto _ : state) {
        plan.backward();
        benchmark::DoNotOptimize(plan.input_gradient().data());
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(input.size()));
}

/// Registers both, for one picture and for a batch.
template <class Layer, class Shape>
bool both_ways(std::string const& name) {
    benchmark::RegisterBenchmark((name + " forward").c_str(), forward<Layer, Shape>)->Arg(1)->Arg(64);
    benchmark::RegisterBenchmark((name + " backward").c_str(), backward<Layer, Shape>)->Arg(1)->Arg(64);
    return true;
}

} // namespace micro
