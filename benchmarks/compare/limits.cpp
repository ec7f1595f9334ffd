#include "machine.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <new>
#include <thread>
#include <utility>
#include <vector>

// This file alone is always compiled for the machine itself: the limit is the machine's, whatever the rest is
// compiled for.

namespace compare {

namespace {

#if defined(__AVX512F__)
constexpr std::size_t vector_bytes = 64;
#elif defined(__AVX__)
constexpr std::size_t vector_bytes = 32;
#else
constexpr std::size_t vector_bytes = 16; // SSE, NEON
#endif
typedef float vector __attribute__((vector_size(vector_bytes)));
constexpr std::size_t width = vector_bytes / sizeof(float);

/// Independent sums: enough to hide the latency of an addition, few enough to stay in registers.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr std::size_t sums = 24;
#else
constexpr std::size_t sums = 12;
#endif

/// A value that the compiler can know nothing about.
float opaque(float value) {
    float volatile hidden = value;
    return hidden;
}

/// Makes the compiler believe that a value is used.
void use(vector value) {
    float volatile sink = value[0];
    static_cast<void>(sink);
}

using clock = std::chrono::steady_clock;

/// Seconds that `body` takes when nobody interrupts it: the least of a few.
template <class Body>
double seconds(Body const& body) {
    double least = std::numeric_limits<double>::infinity();
    for (int i = 0; i < 5; ++i) {
        auto const begin = clock::now();
        body();
        least = std::min(least, std::chrono::duration<double>(clock::now() - begin).count());
    }
    return least;
}

/// Multiplies and adds in all sums, so many times.
template <std::size_t... I>
vector multiply_add(std::size_t times, std::index_sequence<I...>) {
    // Towards a limit of one: no number here is ever denormal, infinite, or known to the compiler.
    vector const factor = vector{} + opaque(0.5F);
    vector const term = vector{} + opaque(0.5F);
    vector sum[] = {(static_cast<void>(I), vector{} + opaque(1))...};
    for (std::size_t i = 0; i < times; ++i)
        ((sum[I] = sum[I] * factor + term), ...);
    return (sum[I] + ...);
}

/// The sum of `count` vectors.
template <std::size_t... I>
vector add_up(vector const* from, std::size_t count, std::index_sequence<I...>) {
    vector sum[] = {(static_cast<void>(I), vector{})...};
    for (std::size_t i = 0; i + sizeof...(I) <= count; i += sizeof...(I))
        ((sum[I] += from[i + I]), ...);
    return (sum[I] + ...);
}

/// Runs `body(thread)` on so many threads at once, this one among them.
template <class Body>
void on_threads(std::size_t threads, Body const& body) {
    std::vector<std::thread> others;
    for (std::size_t i = 1; i < threads; ++i)
        others.emplace_back([&body, i] { body(i); });
    body(0);
    for (auto& other : others)
        other.join();
}

/// A block of memory, every page of it written.
class block {
public:
    explicit block(std::size_t count)
        : m_data{static_cast<vector*>(::operator new(count * sizeof(vector), alignment))},
          m_count{count} {
        std::fill_n(m_data.get(), count, vector{} + 1);
    }
    [[nodiscard]] vector const* data() const noexcept { return m_data.get(); }
    [[nodiscard]] std::size_t count() const noexcept { return m_count; }

private:
    static constexpr std::align_val_t alignment{4096};
    struct release {
        void operator()(vector* memory) const noexcept { ::operator delete(memory, alignment); }
    };
    std::unique_ptr<vector[], release> m_data;
    std::size_t m_count;
};

} // namespace

double fma_peak(std::size_t threads) {
    constexpr std::size_t times = 20'000;
    std::vector<double> peaks(threads);
    on_threads(threads, [&](std::size_t thread) {
        constexpr std::make_index_sequence<sums> all;
        auto const taken = seconds([&] { use(multiply_add(times, all)); });
        peaks[thread] = 2.0 * static_cast<double>(times * sums * width) / taken;
    });
    double together = 0;
    for (auto const peak : peaks)
        together += peak;
    return together;
}

double read_bandwidth(std::size_t bytes, std::size_t threads) {
    constexpr std::size_t streams = 8;
    constexpr std::size_t least = 4096;   // bytes: less would time the loop
    constexpr std::size_t most = 4 << 20; // bytes read at a time, where the block is not larger
    std::size_t const count = std::max(least, bytes / threads) / sizeof(vector);
    std::vector<double> bandwidths(threads);
    on_threads(threads, [&](std::size_t thread) {
        constexpr std::make_index_sequence<streams> all;
        block const memory{count};
        std::size_t const times = std::max<std::size_t>(1, most / (count * sizeof(vector)));
        auto const taken = seconds([&] {
            for (std::size_t i = 0; i < times; ++i)
                use(add_up(memory.data(), memory.count(), all));
        });
        bandwidths[thread] = static_cast<double>(times * count * sizeof(vector)) / taken;
    });
    double together = 0;
    for (auto const bandwidth : bandwidths)
        together += bandwidth;
    return together;
}

} // namespace compare
