#pragma once

#include <hookcam/cuda/cuda.hpp>
#include <hookcam/cuda/emulated.hpp>
#include <hookcam/cuda/product.hpp>
#include <hookcam/tensor/memory.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <random>
#include <string>
#include <vector>

/// Runs kernels of a GPU on the processor, on memory that ends where the tensor ends, in two orders of blocks and threads;
/// or, with HOOKCAM_ON_GPU, on a GPU, twice.
namespace device_harness {

namespace hc = hookcam;

#if defined(HOOKCAM_ON_GPU)
using device_type = hc::cuda;

/// Ends a program that has no GPU as skipped.
struct needs_gpu {
    needs_gpu() {
        if (!hc::has_cuda_device()) {
            std::cout << "skipped: there is no GPU; CUDA says: " << hc::cuda_device_problem() << std::endl;
            std::_Exit(77);
        }
    }
};
BOOST_TEST_GLOBAL_FIXTURE(needs_gpu);
#else
using device_type = hc::emulated;
#endif
using stream_type = device_type::stream_type;

/// `size` numbers from −1 to 1, the same on every machine.
inline std::vector<float> noise(std::size_t size, std::uint32_t seed) {
    std::mt19937 next{seed};
    std::vector<float> values(size);
    for (auto& value : values)
        value = static_cast<float>(static_cast<double>(next()) / 2147483648.0 - 1.0);
    return values;
}

inline std::vector<double> widened(std::vector<float> const& values) {
    return {values.begin(), values.end()};
}

/// A tensor on the emulated device.
template <class T>
class on_device {
public:
    on_device(stream_type& stream, std::vector<T> const& values)
        : m_stream{&stream},
          m_memory(values.size(), &stream) {
        stream.copy_in(m_memory.data(), values.data(), values.size() * sizeof(T));
    }
    /// What a kernel must set: NaN, or -1, before it does.
    on_device(stream_type& stream, std::size_t size) : on_device{stream, unset(size)} {}

    [[nodiscard]] T* data() { return m_memory.data(); }
    [[nodiscard]] std::vector<T> values() const {
        std::vector<T> all(m_memory.size());
        m_stream->copy_out(all.data(), m_memory.data(), all.size() * sizeof(T));
        return all;
    }

private:
    stream_type* m_stream;
    hc::memory<T> m_memory;

    static std::vector<T> unset(std::size_t size) {
        std::vector<T> values(size);
        if (size != 0)
            std::memset(static_cast<void*>(values.data()), 0xff, size * sizeof(T));
        return values;
    }
};

/// What `run(stream, device)` returns, a list of results; both orders must give the same bits.
template <class Run>
auto in_both_orders(Run run) {
    stream_type stream;
    device_type const device{&stream};
#if !defined(HOOKCAM_ON_GPU)
    hc::emulated_stream::set_order(hc::emulated_order::backward);
#endif
    auto const backward = run(stream, device);
#if !defined(HOOKCAM_ON_GPU)
    hc::emulated_stream::set_order(hc::emulated_order::forward);
#endif
    auto const forward = run(stream, device);
    bool same = forward.size() == backward.size();
    for (std::size_t i = 0; same && i < forward.size(); ++i)
        same = forward[i].size() == backward[i].size() &&
               std::memcmp(forward[i].data(), backward[i].data(),
                           forward[i].size() * sizeof(forward[i][0])) == 0;
    BOOST_TEST(same, "the order of threads and blocks must not matter");
    return forward;
}

/// The device, but for matrix products: their tiles are those of large ones, whatever the sizes.
struct large_tiles {
    using stream_type = device_type::stream_type;
    stream_type* stream = nullptr;

    template <class Body>
    void launch(hc::kernel_grid const& grid, Body const& body) const {
        device_type{stream}.launch(grid, body);
    }
    template <class Problem>
    void launch(hc::kernel_grid const& grid, hc::kernels::small_product_tile<Problem> const& tile) const {
        auto const& sizes = tile.problem.sizes;
        hc::kernel_grid const larger{hc::detail::parts_of(sizes.columns, 64),
                                     hc::detail::parts_of(sizes.rows, 64), grid.z};
        device_type{stream}.launch(larger, hc::kernels::large_product_tile<Problem>{tile.problem});
    }
};

/// Every element within `bound` of the largest expected one: 1e-5 is what a GPU may be off.
inline void check_near(std::string const& what, std::vector<float> const& got,
                       std::vector<double> const& expected, double bound = 1e-5) {
    BOOST_TEST_REQUIRE(got.size() == expected.size(), what);
    double largest = 0;
    for (double const value : expected)
        largest = std::max(largest, std::abs(value));
    for (std::size_t i = 0; i < got.size(); ++i)
        if (!(std::abs(static_cast<double>(got[i]) - expected[i]) <= bound * largest)) {
            BOOST_TEST(false, what << ": element " << i << " is " << got[i] << ", expected " << expected[i]);
            return;
        }
}

} // namespace device_harness
