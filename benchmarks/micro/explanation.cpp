#include <hookcam/explain/heatmap.hpp>
#include <hookcam/viz/overlay.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

// What an explanation does behind the passes through the network, for one picture of 224×224 and a layer of 256
// channels at 14×14.

namespace {

namespace hc = hookcam;

constexpr std::size_t channels = 256;
constexpr std::size_t small_side = 14;
constexpr std::size_t small = small_side * small_side;
constexpr std::size_t side = 224;
constexpr std::size_t large = side * side;

std::vector<float> noise(std::size_t size) {
    std::vector<float> values(size);
    std::mt19937 random{3};
    std::uniform_real_distribution<float> between{-1, 1};
    std::generate(values.begin(), values.end(), [&] { return between(random); });
    return values;
}

void map(benchmark::State& state) {
    auto const activation = noise(channels * small);
    auto const gradient = noise(channels * small);
    std::vector<double> sums(small);
    std::vector<float> raw(small);
    for ([[maybe_unused]] auto _ : state) {
        hc::kernels::grad_cam_map(hc::cpu{}, channels, small, activation.data(), gradient.data(), sums.data(),
                                  raw.data());
        benchmark::DoNotOptimize(raw.data());
        benchmark::ClobberMemory();
    }
}
BENCHMARK(map);

void resize(benchmark::State& state) {
    auto const raw = noise(small);
    std::vector<float> heatmap(large);
    for ([[maybe_unused]] auto _ : state) {
        hc::kernels::resize_bilinear(hc::cpu{}, small_side, small_side, raw.data(), side, side,
                                     heatmap.data());
        benchmark::DoNotOptimize(heatmap.data());
        benchmark::ClobberMemory();
    }
}
BENCHMARK(resize);

/// What a normalized map makes of itself again is the same, so each turn has the same work.
void normalize(benchmark::State& state) {
    auto heatmap = noise(large);
    for ([[maybe_unused]] auto _ : state) {
        hc::kernels::normalize_map(hc::cpu{}, large, heatmap.data());
        benchmark::DoNotOptimize(heatmap.data());
        benchmark::ClobberMemory();
    }
}
BENCHMARK(normalize);

void overlay(benchmark::State& state) {
    hc::picture image{side, side};
    std::mt19937 random{5};
    std::generate(image.bytes().begin(), image.bytes().end(),
                  [&] { return static_cast<std::uint8_t>(random()); });
    auto heatmap = noise(large);
    hc::kernels::normalize_map(hc::cpu{}, large, heatmap.data());
    for ([[maybe_unused]] auto _ : state)
        benchmark::DoNotOptimize(hc::overlay(image, heatmap));
}
BENCHMARK(overlay);

} // namespace
