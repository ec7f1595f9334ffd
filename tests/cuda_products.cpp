#define BOOST_TEST_MODULE cuda_products
#include <boost/test/unit_test.hpp>

#include "device_harness.hpp"

#include <hookcam/layers/conv2d/conv2d_cuda.hpp>
#include <hookcam/layers/conv2d/conv2d_reference.hpp>
#include <hookcam/layers/linear/linear_cuda.hpp>
#include <hookcam/layers/linear/linear_reference.hpp>

#include <csignal>
#include <cstddef>
#include <optional>
#include <random>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

// Kernels of a GPU, run by the processor, against the references in double. Sizes are such that no tile is full.

using namespace device_harness;
using results = std::vector<std::vector<float>>;

namespace {

template <class Device = device_type>
void check_conv2d(hc::kernels::conv2d_parameters of) {
    of.out_height = of.rows.count(of.in_height);
    of.out_width = of.columns.count(of.in_width);
    std::size_t const out = of.batch * of.out_channels * of.out_plane();
    auto const x = noise(of.batch * of.in_channels * of.in_plane(), 1);
    auto const weight = noise(of.out_channels * of.terms(), 2);
    auto const bias = noise(of.out_channels, 3);
    auto const grad_y = noise(out, 4);

    auto const got = in_both_orders([&](auto& stream, auto const&) {
        Device const device{&stream};
        on_device<float> scratch{stream, hc::kernels::conv2d_cuda_scratch(of) / sizeof(float)};
        on_device<float> xs{stream, x}, weights{stream, weight}, biases{stream, bias}, grads{stream, grad_y};
        on_device<float> y{stream, out}, plain{stream, out}, grad_x{stream, x.size()};
        on_device<float> grad_weight{stream, weight.size()}, grad_bias{stream, bias.size()};
        hc::kernels::conv2d(device, of, xs.data(), weights.data(), biases.data(), y.data(), scratch.data());
        hc::kernels::conv2d(device, of, xs.data(), weights.data(), nullptr, plain.data(), scratch.data());
        hc::kernels::conv2d_backward(device, of, grads.data(), weights.data(), grad_x.data(), scratch.data());
        hc::kernels::conv2d_backward_parameters(device, of, xs.data(), grads.data(), grad_weight.data(),
                                                grad_bias.data(), scratch.data());
        return results{y.values(), plain.values(), grad_x.values(), grad_weight.values(), grad_bias.values()};
    });

    auto const wide_x = widened(x), wide_weight = widened(weight), wide_bias = widened(bias);
    auto const wide_grad = widened(grad_y);
    std::vector<double> y(out), plain(out), grad_x(x.size()), grad_weight(weight.size()),
        grad_bias(bias.size());
    hc::reference::conv2d(of, wide_x.data(), wide_weight.data(), wide_bias.data(), y.data());
    hc::reference::conv2d<double>(of, wide_x.data(), wide_weight.data(), nullptr, plain.data());
    hc::reference::conv2d_backward(of, wide_grad.data(), wide_weight.data(), grad_x.data());
    hc::reference::conv2d_backward_parameters(of, wide_x.data(), wide_grad.data(), grad_weight.data(),
                                              grad_bias.data());
    check_near("y", got[0], y);
    check_near("y without bias", got[1], plain);
    check_near("gradient of x", got[2], grad_x);
    check_near("gradient of the weight", got[3], grad_weight);
    check_near("gradient of the bias", got[4], grad_bias);
}

template <class Device = device_type>
void check_linear(std::size_t batch, std::size_t in, std::size_t out) {
    auto const x = noise(batch * in, 1);
    auto const weight = noise(out * in, 2);
    auto const bias = noise(out, 3);
    auto const grad_y = noise(batch * out, 4);
    auto const got = in_both_orders([&](auto& stream, auto const&) {
        Device const device{&stream};
        on_device<float> xs{stream, x}, weights{stream, weight}, biases{stream, bias}, grads{stream, grad_y};
        on_device<float> y{stream, batch * out}, plain{stream, batch * out}, grad_x{stream, x.size()};
        on_device<float> grad_weight{stream, weight.size()}, grad_bias{stream, out};
        hc::kernels::linear(device, 1, batch, in, out, xs.data(), weights.data(), biases.data(), y.data());
        hc::kernels::linear(device, 1, batch, in, out, xs.data(), weights.data(), nullptr, plain.data());
        hc::kernels::linear_backward(device, 1, batch, in, out, grads.data(), weights.data(), grad_x.data());
        hc::kernels::linear_backward_parameters(device, 1, batch, in, out, xs.data(), grads.data(),
                                                grad_weight.data(), grad_bias.data());
        return results{y.values(), plain.values(), grad_x.values(), grad_weight.values(), grad_bias.values()};
    });
    auto const wide_x = widened(x), wide_weight = widened(weight), wide_bias = widened(bias);
    auto const wide_grad = widened(grad_y);
    std::vector<double> y(batch * out), plain(batch * out), grad_x(x.size()), grad_weight(weight.size()),
        grad_bias(out);
    hc::reference::linear(batch, in, out, wide_x.data(), wide_weight.data(), wide_bias.data(), y.data());
    hc::reference::linear<double>(batch, in, out, wide_x.data(), wide_weight.data(), nullptr, plain.data());
    hc::reference::linear_backward(batch, in, out, wide_grad.data(), wide_weight.data(), grad_x.data());
    hc::reference::linear_backward_parameters(batch, in, out, wide_x.data(), wide_grad.data(),
                                              grad_weight.data(), grad_bias.data());
    check_near("y", got[0], y);
    check_near("y without bias", got[1], plain);
    check_near("gradient of x", got[2], grad_x);
    check_near("gradient of the weight", got[3], grad_weight);
    check_near("gradient of the bias", got[4], grad_bias);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_divisor_that_is_known_before) {
    for (std::uint32_t const by :
         {1U, 2U, 3U, 5U, 7U, 9U, 25U, 640U, 1024U, 46341U, 65535U, 65537U, 1073741825U, 2147483647U}) {
        hc::detail::fast_divisor const divisor{by};
        auto const check = [&](std::uint32_t n) {
            BOOST_TEST_REQUIRE(divisor.quotient(n) == n / by, n << " over " << by);
            BOOST_TEST_REQUIRE(divisor.remainder(n) == n % by, n << " over " << by);
        };
        std::mt19937 next{by};
        for (int i = 0; i < 1000; ++i)
            check(static_cast<std::uint32_t>(next()) >> 1);
        for (std::uint32_t const n : {0U, 1U, by - 1, by, 2147483646U, 2147483647U})
            check(n);
        for (std::uint64_t multiple = by; multiple <= 2147483647U; multiple = multiple * 3 + by) {
            check(static_cast<std::uint32_t>(multiple / by * by));
            check(static_cast<std::uint32_t>(multiple / by * by - 1));
        }
    }
}

BOOST_AUTO_TEST_CASE(convolutions_of_odd_sizes) {
    using window = hc::window;
    window const same{3, 1, 1, 1, 1};
    // batch, in, out, groups, in height, in width, out height, out width (set by the check), rows, columns
    check_conv2d({1, 1, 1, 1, 1, 1, 0, 0, window{}, window{}});
    check_conv2d({2, 3, 5, 1, 7, 9, 0, 0, same, same});
    check_conv2d({3, 5, 33, 1, 6, 5, 0, 0, same, same});
    check_conv2d({1, 7, 35, 1, 11, 3, 0, 0, window{}, window{}});                           // pointwise
    check_conv2d({2, 4, 6, 2, 9, 8, 0, 0, window{3, 2, 1, 1, 1}, window{3, 2, 1, 1, 1}});   // strides
    check_conv2d({2, 6, 6, 6, 7, 7, 0, 0, same, same});                                     // depthwise
    check_conv2d({1, 3, 4, 1, 13, 12, 0, 0, window{3, 2, 2, 3, 1}, window{2, 3, 3, 0, 2}}); // uneven
    check_conv2d({1, 2, 3, 1, 10, 12, 0, 0, window{5, 3, 1, 4, 4}, window{1, 2, 1, 0, 0}}); // wide padding
    check_conv2d({2, 24, 40, 1, 5, 5, 0, 0, same, same});                                   // long sums
}

BOOST_AUTO_TEST_CASE(convolutions_with_many_tiles) {
    hc::window const same{3, 1, 1, 1, 1};
    check_conv2d({5, 2, 65, 1, 57, 31, 0, 0, same, same}); // large tiles forward, and weights in parts
}

BOOST_AUTO_TEST_CASE(fully_connected_layers_of_odd_sizes) {
    check_linear(1, 1, 1);
    check_linear(1, 131, 37);
    check_linear(8, 129, 10);
    check_linear(9, 65, 33); // a matrix product from here on
    check_linear(33, 200, 70);
    check_linear(70, 17, 1030);
}

BOOST_AUTO_TEST_CASE(large_tiles_that_are_not_full) {
    using window = hc::window;
    window const same{3, 1, 1, 1, 1};
    check_conv2d<large_tiles>({2, 3, 5, 1, 7, 9, 0, 0, same, same});
    check_conv2d<large_tiles>({1, 7, 35, 1, 11, 3, 0, 0, window{}, window{}});
    check_conv2d<large_tiles>({2, 4, 6, 2, 9, 8, 0, 0, window{3, 2, 1, 1, 1}, window{2, 2, 1, 1, 1}});
    check_conv2d<large_tiles>({1, 67, 70, 1, 5, 9, 0, 0, same, same});  // rows of two tiles, long sums
    check_conv2d<large_tiles>({5, 9, 66, 1, 13, 17, 0, 0, same, same}); // weights of two tiles, in parts
    check_linear<large_tiles>(9, 65, 33);
    check_linear<large_tiles>(67, 131, 70);
    check_linear<large_tiles>(201, 17, 5);
}

#if !defined(HOOKCAM_ON_GPU)

// --- the executor finds what is wrong -------------------------------------------------------------------------

namespace {

/// Each thread adds to what its neighbour holds, without a barrier in between.
struct racing_body {
    static constexpr char const* name = "racing";
    static constexpr unsigned threads = 32;
    struct shared {
        float values[threads];
    };
    float* to;

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        auto& own = block.shared();
        block.each([&](unsigned thread) { own.values[thread] = static_cast<float>(thread); });
        block.each([&](unsigned thread) { own.values[thread] += own.values[(thread + 1) % threads]; });
        block.last([&](unsigned thread) { to[thread] = own.values[thread]; });
    }
};

/// Reads what nobody wrote.
struct unset_body {
    static constexpr char const* name = "unset";
    static constexpr unsigned threads = 32;
    struct shared {
        float values[threads];
    };
    float* to;

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        auto& own = block.shared();
        typename Block::template per_thread<float> kept;
        block.last(
            [&](unsigned thread) { to[thread] = thread % 2 == 0 ? own.values[thread] : kept[thread]; });
    }
};

/// One element too many.
struct overreaching_element {
    static constexpr char const* name = "overreaching";
    float* to;
    HOOKCAM_DEVICE void operator()(std::size_t i) const { to[i] = 1.0f; }
};

/// Reads, and writes elsewhere.
struct copying_element {
    static constexpr char const* name = "copying";
    float const* from;
    float* to;
    HOOKCAM_DEVICE void operator()(std::size_t i) const { to[i] = from[i] + 1.0f; }
};

/// The signal that ends a process that calls `function`; 0 where it ends by itself.
template <class Function>
int signal_of(Function function) {
    ::pid_t const child = ::fork();
    if (child == 0) {
        std::signal(SIGSEGV, SIG_DFL);
        std::signal(SIGBUS, SIG_DFL);
        std::signal(SIGABRT, SIG_DFL);
        function();
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_race_shows_in_the_order_of_threads) {
    hc::emulated_stream stream;
    hc::emulated const device{&stream};
    auto const run = [&](hc::emulated_order order) {
        hc::emulated_stream::set_order(order);
        on_device<float> to{stream, std::size_t{32}};
        device.launch(hc::kernel_grid{1}, racing_body{to.data()});
        hc::emulated_stream::set_order(hc::emulated_order::forward);
        return to.values();
    };
    BOOST_TEST((run(hc::emulated_order::forward) != run(hc::emulated_order::backward)));
}

BOOST_AUTO_TEST_CASE(what_nobody_wrote_is_nan) {
    hc::emulated_stream stream;
    on_device<float> to{stream, std::vector<float>(32)};
    hc::emulated{&stream}.launch(hc::kernel_grid{1}, unset_body{to.data()});
    for (float const value : to.values())
        BOOST_TEST(std::isnan(value));
}

BOOST_AUTO_TEST_CASE(memory_beyond_a_tensor_and_outside_of_kernels_is_out_of_reach) {
    hc::emulated_stream stream;
    hc::emulated const device{&stream};
    on_device<float> to{stream, std::size_t{64}};
    BOOST_TEST(
        signal_of([&] { hc::kernels::for_each_element(device, 64, overreaching_element{to.data()}); }) == 0);
    BOOST_TEST(signal_of([&] {
                   hc::kernels::for_each_element(device, 65, overreaching_element{to.data()});
               }) == SIGSEGV);
    BOOST_TEST(signal_of([&] { *to.data() = 1.0f; }) == SIGSEGV);
}

BOOST_AUTO_TEST_CASE(whoever_does_not_wait_for_another_stream_is_found) {
    hc::emulated_stream one, two, three;
    on_device<float> of_one{one, std::vector<float>(64)}, more_of_one{one, std::vector<float>(64)};
    on_device<float> of_two{two, std::vector<float>(64)}, of_three{three, std::vector<float>(64)};
    auto const copy = [](hc::emulated_stream& on, on_device<float>& from, on_device<float>& to) {
        hc::kernels::for_each_element(hc::emulated{&on}, 64, copying_element{from.data(), to.data()});
    };
    auto const check_refused = [](auto const& function) {
        BOOST_CHECK_EXCEPTION(function(), hc::error, [](hc::error const& e) {
            return e.kind() == hc::error_kind::use &&
                   std::string_view{e.what()}.find("must wait for the stream") != std::string_view::npos;
        });
    };
    // A read of what was written.
    check_refused([&] { copy(two, of_one, of_two); });
    check_refused([&] { two.copy(of_two.data(), of_one.data(), 4); });
    check_refused([&] { two.copy_out(std::vector<float>(64).data(), of_one.data(), 4); });
    two.wait_for(one);
    copy(two, of_one, of_two);
    // A write of what is read; the owner may read it too.
    copy(one, of_one, more_of_one);
    check_refused([&] { copy(one, more_of_one, of_one); });
    one.wait_for(two);
    copy(one, more_of_one, of_one);
    // What was waited for is not what came later.
    check_refused([&] { copy(two, of_one, of_two); });
    one.synchronize();
    copy(two, of_one, of_two);
    // By way of another.
    two.wait_for(one);
    three.wait_for(two);
    copy(three, of_one, of_three);
    check_refused([&] { copy(one, of_three, more_of_one); });
    one.synchronize_device();
    copy(one, of_three, more_of_one);
    // What cannot be refused ends the program.
    BOOST_TEST(signal_of([&] { on_device<float> short_lived{one, std::size_t{64}}; }) == 0);
    BOOST_TEST(signal_of([&] {
                   on_device<float> short_lived{one, std::size_t{64}};
                   two.wait_for(one);
                   copy(two, short_lived, of_two);
               }) == SIGABRT);
    BOOST_TEST(signal_of([&] {
                   std::optional<hc::emulated_stream> stream{std::in_place};
                   on_device<float> left{*stream, std::size_t{64}};
                   stream.reset();
               }) == SIGABRT);
    one.synchronize_device();
}

BOOST_AUTO_TEST_CASE(grids_and_tensors_that_are_too_large_are_refused) {
    hc::emulated_stream stream;
    hc::emulated const device{&stream};
    auto const is_about_shape = [](hc::error const& e) { return e.kind() == hc::error_kind::shape; };
    BOOST_CHECK_EXCEPTION(device.launch(hc::kernel_grid{1, 65536}, racing_body{nullptr}), hc::error,
                          is_about_shape);
    BOOST_CHECK_EXCEPTION(static_cast<void>(hc::detail::narrow(std::size_t{1} << 31)), hc::error,
                          is_about_shape);
}

#endif
