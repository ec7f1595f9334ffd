#define BOOST_TEST_MODULE cuda_kernels
#include <boost/test/unit_test.hpp>

#include "device_harness.hpp"

#include <hookcam/compose/joins_cpu.hpp>
#include <hookcam/compose/joins_cuda.hpp>
#include <hookcam/explain/heatmap.hpp>
#include <hookcam/explain/heatmap_cuda.hpp>
#include <hookcam/explain/score_cuda.hpp>
#include <hookcam/layers/adaptive_avg_pool2d/adaptive_avg_pool2d_cpu.hpp>
#include <hookcam/layers/adaptive_avg_pool2d/adaptive_avg_pool2d_cuda.hpp>
#include <hookcam/layers/avg_pool2d/avg_pool2d_cpu.hpp>
#include <hookcam/layers/avg_pool2d/avg_pool2d_cuda.hpp>
#include <hookcam/layers/batch_norm2d/batch_norm2d_cpu.hpp>
#include <hookcam/layers/batch_norm2d/batch_norm2d_cuda.hpp>
#include <hookcam/layers/elementwise.hpp>
#include <hookcam/layers/elu/elu_cpu.hpp>
#include <hookcam/layers/gelu/gelu_cpu.hpp>
#include <hookcam/layers/hardswish/hardswish_cpu.hpp>
#include <hookcam/layers/leaky_relu/leaky_relu_cpu.hpp>
#include <hookcam/layers/log_softmax/log_softmax_cpu.hpp>
#include <hookcam/layers/max_pool2d/max_pool2d_cpu.hpp>
#include <hookcam/layers/max_pool2d/max_pool2d_cuda.hpp>
#include <hookcam/layers/pad_shortcut/pad_shortcut_cpu.hpp>
#include <hookcam/layers/pad_shortcut/pad_shortcut_cuda.hpp>
#include <hookcam/layers/relu/relu_cpu.hpp>
#include <hookcam/layers/relu/relu_cuda.hpp>
#include <hookcam/layers/relu6/relu6_cpu.hpp>
#include <hookcam/layers/sigmoid/sigmoid_cpu.hpp>
#include <hookcam/layers/silu/silu_cpu.hpp>
#include <hookcam/layers/softmax/softmax_cpu.hpp>
#include <hookcam/layers/softmax/softmax_cuda.hpp>
#include <hookcam/layers/tanh/tanh_cpu.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

// Kernels of a GPU, run by the processor, against the processor's own in double.

using namespace device_harness;
using results = std::vector<std::vector<float>>;
using doubles = std::vector<double>;

namespace {

hc::kernels::pool2d_parameters pooling(std::size_t planes, std::size_t height, std::size_t width,
                                       hc::window rows, hc::window columns, bool up = false,
                                       bool counts = true) {
    return {{planes, height, width, rows.count(height, up), columns.count(width, up)}, rows, columns, counts};
}

template <class Check>
void for_each_pooling(bool dilated, Check check) {
    using window = hc::window;
    check(pooling(1, 1, 1, window{}, window{}));
    check(pooling(3, 8, 6, window{2, 2}, window{2, 2}));
    check(pooling(5, 9, 7, window{3, 2, 1, 1, 1}, window{3, 2, 1, 1, 1}));     // windows overlap
    check(pooling(2, 7, 11, window{2, 3}, window{3, 1, 1, 1, 1}));             // rows between windows
    check(pooling(2, 7, 8, window{3, 2, 1, 1, 1}, window{2, 2}, true));        // rounded up
    check(pooling(2, 7, 8, window{3, 2, 1, 1, 1}, window{2, 2}, true, false)); // padding does not count
    if (dilated)
        check(pooling(2, 11, 9, window{3, 2, 3, 1, 1}, window{2, 1, 2, 1, 1}));
}

} // namespace

BOOST_AUTO_TEST_CASE(max_pooling) {
    for_each_pooling(true, [](hc::kernels::pool2d_parameters const& of) {
        auto x = noise(of.planes * of.in_plane(), 1);
        for (std::size_t i = 2; i < x.size(); i += 5)
            x[i] = x[i - 1]; // equals: the first is chosen
        auto const grad_y = noise(of.planes * of.out_plane(), 2);
        std::vector<std::int32_t> chosen_there;
        auto const got = in_both_orders([&](auto& stream, auto const& device) {
            on_device<float> xs{stream, x}, grads{stream, grad_y}, y{stream, grad_y.size()},
                grad_x{stream, x.size()};
            on_device<float> plain{stream, grad_y.size()};
            on_device<std::int32_t> chosen{stream, grad_y.size()};
            hc::kernels::max_pool2d(device, of, xs.data(), y.data(), chosen.data());
            hc::kernels::max_pool2d(device, of, xs.data(), plain.data(), nullptr);
            hc::kernels::max_pool2d_backward(device, of, chosen.data(), grads.data(), grad_x.data());
            chosen_there = chosen.values();
            return results{y.values(), plain.values(), grad_x.values()};
        });
        auto const wide = widened(x), wide_grad = widened(grad_y);
        doubles y(grad_y.size()), grad_x(x.size());
        std::vector<std::int32_t> chosen(grad_y.size());
        hc::kernels::max_pool2d(hc::cpu{}, of, wide.data(), y.data(), chosen.data());
        hc::kernels::max_pool2d_backward(hc::cpu{}, of, chosen.data(), wide_grad.data(), grad_x.data());
        check_near("y", got[0], y, 0);
        check_near("y for inference", got[1], y, 0);
        BOOST_TEST(chosen_there == chosen, boost::test_tools::per_element());
        check_near("gradient", got[2], grad_x, 1e-6);
    });
}

BOOST_AUTO_TEST_CASE(a_nan_is_the_largest) {
    auto const of = pooling(1, 2, 2, hc::window{2, 2}, hc::window{2, 2});
    stream_type stream;
    float const nan = std::numeric_limits<float>::quiet_NaN();
    on_device<float> x{stream, std::vector<float>{1, nan, 3, 2}}, y{stream, std::size_t{1}};
    on_device<std::int32_t> chosen{stream, std::size_t{1}};
    hc::kernels::max_pool2d(device_type{&stream}, of, x.data(), y.data(), chosen.data());
    BOOST_TEST(std::isnan(y.values()[0]));
    BOOST_TEST(chosen.values()[0] == 1);
    on_device<float> out{stream, std::size_t{4}};
    hc::kernels::relu(device_type{&stream}, 4, x.data(), out.data());
    BOOST_TEST(std::isnan(out.values()[1]));
}

BOOST_AUTO_TEST_CASE(average_pooling) {
    for_each_pooling(false, [](hc::kernels::pool2d_parameters const& of) {
        auto const x = noise(of.planes * of.in_plane(), 1);
        auto const grad_y = noise(of.planes * of.out_plane(), 2);
        auto const got = in_both_orders([&](auto& stream, auto const& device) {
            on_device<float> xs{stream, x}, grads{stream, grad_y}, y{stream, grad_y.size()},
                grad_x{stream, x.size()};
            hc::kernels::avg_pool2d(device, of, xs.data(), y.data());
            hc::kernels::avg_pool2d_backward(device, of, grads.data(), grad_x.data());
            return results{y.values(), grad_x.values()};
        });
        auto const wide = widened(x), wide_grad = widened(grad_y);
        doubles y(grad_y.size()), grad_x(x.size());
        hc::kernels::avg_pool2d(hc::cpu{}, of, wide.data(), y.data());
        hc::kernels::avg_pool2d_backward(hc::cpu{}, of, wide_grad.data(), grad_x.data());
        check_near("y", got[0], y, 1e-6);
        check_near("gradient", got[1], grad_x, 1e-6);
    });
}

BOOST_AUTO_TEST_CASE(adaptive_average_pooling) {
    for (auto const& of :
         {hc::kernels::pool2d_sizes{7, 8, 8, 1, 1}, hc::kernels::pool2d_sizes{3, 7, 5, 3, 2},
          hc::kernels::pool2d_sizes{2, 3, 4, 5, 7}, hc::kernels::pool2d_sizes{2, 13, 11, 1, 3}}) {
        auto const x = noise(of.planes * of.in_plane(), 1);
        auto const grad_y = noise(of.planes * of.out_plane(), 2);
        auto const got = in_both_orders([&](auto& stream, auto const& device) {
            on_device<float> xs{stream, x}, grads{stream, grad_y}, y{stream, grad_y.size()},
                grad_x{stream, x.size()};
            hc::kernels::adaptive_avg_pool2d(device, of, xs.data(), y.data());
            hc::kernels::adaptive_avg_pool2d_backward(device, of, grads.data(), grad_x.data());
            return results{y.values(), grad_x.values()};
        });
        auto const wide = widened(x), wide_grad = widened(grad_y);
        doubles y(grad_y.size()), grad_x(x.size());
        hc::kernels::adaptive_avg_pool2d(hc::cpu{}, of, wide.data(), y.data());
        hc::kernels::adaptive_avg_pool2d_backward(hc::cpu{}, of, wide_grad.data(), grad_x.data());
        check_near("y", got[0], y, 1e-6);
        check_near("gradient", got[1], grad_x, 1e-6);
    }
}

namespace {

/// A function of elements, from −4 to 4, forward and backward; the derivative by the output where `ByOutput`.
template <bool ByOutput, class Function>
void check_function(char const* what, Function const& function) {
    auto x = noise(301, 1);
    for (auto& value : x)
        value *= 4;
    auto const grad_y = noise(301, 2);
    auto const got = in_both_orders([&](auto& stream, auto const& device) {
        on_device<float> xs{stream, x}, grads{stream, grad_y}, y{stream, x.size()}, grad_x{stream, x.size()};
        hc::kernels::elementwise(device, function, x.size(), xs.data(), y.data());
        hc::kernels::elementwise_backward(device, function, x.size(), ByOutput ? y.data() : xs.data(),
                                          grads.data(), grad_x.data());
        return results{y.values(), grad_x.values()};
    });
    auto const wide = widened(x), wide_grad = widened(grad_y);
    doubles y(x.size()), grad_x(x.size());
    hc::kernels::elementwise(hc::cpu{}, function, x.size(), wide.data(), y.data());
    hc::kernels::elementwise_backward(hc::cpu{}, function, x.size(), ByOutput ? y.data() : wide.data(),
                                      wide_grad.data(), grad_x.data());
    check_near(what, got[0], y, 1e-6);
    check_near(what, got[1], grad_x, 1e-5);
}

} // namespace

BOOST_AUTO_TEST_CASE(activations) {
    check_function<true>("elu", hc::kernels::elu{1.0});
    check_function<false>("gelu", hc::kernels::gelu{});
    check_function<false>("gelu by tanh", hc::kernels::gelu_by_tanh{});
    check_function<false>("hardswish", hc::kernels::hardswish{});
    check_function<true>("leaky_relu", hc::kernels::leaky_relu{0.01});
    check_function<true>("relu6", hc::kernels::relu6{});
    check_function<true>("sigmoid", hc::kernels::sigmoid{});
    check_function<false>("silu", hc::kernels::silu{});
    check_function<true>("tanh", hc::kernels::tanh{});

    auto const x = noise(300, 1), grad_y = noise(300, 2);
    auto const got = in_both_orders([&](auto& stream, auto const& device) {
        on_device<float> y{stream, x}, grads{stream, grad_y}, grad_x{stream, x.size()};
        hc::kernels::relu(device, x.size(), y.data(), y.data()); // in place
        hc::kernels::relu_backward(device, x.size(), y.data(), grads.data(), grad_x.data());
        return results{y.values(), grad_x.values()};
    });
    for (std::size_t i = 0; i < x.size(); ++i) {
        BOOST_TEST(got[0][i] == (x[i] > 0 ? x[i] : 0.0f));
        BOOST_TEST(got[1][i] == (x[i] > 0 ? grad_y[i] : 0.0f));
    }
}

BOOST_AUTO_TEST_CASE(softmax_and_its_logarithm) {
    for (auto const& of :
         {hc::kernels::softmax_parameters{3, 10, 1}, hc::kernels::softmax_parameters{2, 1000, 1},
          hc::kernels::softmax_parameters{2, 3, 35}, hc::kernels::softmax_parameters{1, 1, 1}}) {
        auto x = noise(of.batch * of.channels * of.plane, 1);
        for (auto& value : x)
            value = value * 20 + 90; // whose exponentials overflow
        auto const grad_y = noise(x.size(), 2);
        auto const got = in_both_orders([&](auto& stream, auto const& device) {
            on_device<float> y{stream, x}, z{stream, x}, grads{stream, grad_y}, a{stream, x.size()},
                b{stream, x.size()};
            hc::kernels::softmax(device, of, y.data(), y.data());
            hc::kernels::softmax_backward(device, of, y.data(), grads.data(), a.data());
            hc::kernels::log_softmax(device, of, z.data(), z.data());
            hc::kernels::log_softmax_backward(device, of, z.data(), grads.data(), b.data());
            return results{y.values(), a.values(), z.values(), b.values()};
        });
        auto const wide = widened(x), wide_grad = widened(grad_y);
        doubles y(x.size()), a(x.size()), z(x.size()), b(x.size());
        hc::kernels::softmax(hc::cpu{}, of, wide.data(), y.data());
        hc::kernels::softmax_backward(hc::cpu{}, of, y.data(), wide_grad.data(), a.data());
        hc::kernels::log_softmax(hc::cpu{}, of, wide.data(), z.data());
        hc::kernels::log_softmax_backward(hc::cpu{}, of, z.data(), wide_grad.data(), b.data());
        check_near("softmax", got[0], y);
        check_near("its gradient", got[1], a);
        check_near("log_softmax", got[2], z);
        check_near("its gradient", got[3], b);
    }
}

BOOST_AUTO_TEST_CASE(batch_norms) {
    for (auto const& of : {hc::kernels::batch_norm2d_parameters{3, 5, 35, 1e-5},
                           hc::kernels::batch_norm2d_parameters{700, 3, 1, 1e-3},
                           hc::kernels::batch_norm2d_parameters{1, 1, 1, 1e-5}}) {
        auto const x = noise(of.batch * of.channels * of.plane, 1), grad_y = noise(x.size(), 2);
        auto const weight = noise(of.channels, 3), bias = noise(of.channels, 4), mean = noise(of.channels, 5);
        auto variance = noise(of.channels, 6);
        for (auto& value : variance)
            value = std::abs(value) + 0.5f;
        auto const got = in_both_orders([&](auto& stream, auto const& device) {
            on_device<float> weights{stream, weight}, biases{stream, bias}, means{stream, mean};
            on_device<float> variances{stream, variance}, y{stream, x}, xs{stream, x},
                plain{stream, x.size()};
            on_device<float> grads{stream, grad_y}, grad_x{stream, x.size()};
            on_device<float> grad_weight{stream, weight.size()}, grad_bias{stream, bias.size()};
            hc::kernels::batch_norm2d_tensors<float> const own{weights.data(), biases.data(), means.data(),
                                                               variances.data()};
            hc::kernels::batch_norm2d_tensors<float> const without{nullptr, nullptr, means.data(),
                                                                   variances.data()};
            hc::kernels::batch_norm2d(device, of, own, y.data(), y.data());
            hc::kernels::batch_norm2d(device, of, without, xs.data(), plain.data());
            hc::kernels::batch_norm2d_backward(device, of, own, grads.data(), grad_x.data());
            hc::kernels::batch_norm2d_backward_parameters(device, of, own, xs.data(), grads.data(),
                                                          grad_weight.data(), grad_bias.data());
            return results{y.values(), plain.values(), grad_x.values(), grad_weight.values(),
                           grad_bias.values()};
        });
        auto const wide = widened(x), wide_grad = widened(grad_y), weights = widened(weight),
                   biases = widened(bias), means = widened(mean), variances = widened(variance);
        hc::kernels::batch_norm2d_tensors<double> const own{weights.data(), biases.data(), means.data(),
                                                            variances.data()};
        hc::kernels::batch_norm2d_tensors<double> const without{nullptr, nullptr, means.data(),
                                                                variances.data()};
        doubles y(x.size()), plain(x.size()), grad_x(x.size()), grad_weight(weight.size()),
            grad_bias(bias.size());
        hc::kernels::batch_norm2d(hc::cpu{}, of, own, wide.data(), y.data());
        hc::kernels::batch_norm2d(hc::cpu{}, of, without, wide.data(), plain.data());
        hc::kernels::batch_norm2d_backward(hc::cpu{}, of, own, wide_grad.data(), grad_x.data());
        hc::kernels::batch_norm2d_backward_parameters(hc::cpu{}, of, own, wide.data(), wide_grad.data(),
                                                      grad_weight.data(), grad_bias.data());
        check_near("y", got[0], y, 1e-6);
        check_near("y without weights", got[1], plain, 1e-6);
        check_near("gradient", got[2], grad_x, 1e-6);
        check_near("gradient of the weight", got[3], grad_weight);
        check_near("gradient of the bias", got[4], grad_bias);
    }
}

BOOST_AUTO_TEST_CASE(padded_shortcuts) {
    for (auto const& of : {hc::kernels::pad_shortcut_parameters{2, 3, 6, 7, 5, 4, 3, 2, 2},
                           hc::kernels::pad_shortcut_parameters{3, 4, 4, 5, 6, 5, 6, 1, 1},
                           hc::kernels::pad_shortcut_parameters{1, 2, 5, 7, 9, 3, 9, 3, 1}}) {
        auto const x = noise(of.batch * of.in_channels * of.in_height * of.in_width, 1);
        auto const grad_y = noise(of.batch * of.out_channels * of.out_height * of.out_width, 2);
        auto const got = in_both_orders([&](auto& stream, auto const& device) {
            on_device<float> xs{stream, x}, grads{stream, grad_y}, y{stream, grad_y.size()},
                grad_x{stream, x.size()};
            hc::kernels::pad_shortcut(device, of, xs.data(), y.data());
            hc::kernels::pad_shortcut_backward(device, of, grads.data(), grad_x.data());
            return results{y.values(), grad_x.values()};
        });
        auto const wide = widened(x), wide_grad = widened(grad_y);
        doubles y(grad_y.size()), grad_x(x.size());
        hc::kernels::pad_shortcut(hc::cpu{}, of, wide.data(), y.data());
        hc::kernels::pad_shortcut_backward(hc::cpu{}, of, wide_grad.data(), grad_x.data());
        check_near("y", got[0], y, 0);
        check_near("gradient", got[1], grad_x, 0);
    }
}

BOOST_AUTO_TEST_CASE(joins) {
    std::size_t const batch = 3, size = 35, channels = 5;
    auto const a = noise(batch * channels * size, 1), b = noise(a.size(), 2), c = noise(batch * channels, 3);
    std::size_t const wide_image = channels * size + 11; // of a concat
    auto const got = in_both_orders([&](auto& stream, auto const& device) {
        on_device<float> as{stream, a}, bs{stream, b}, cs{stream, c};
        on_device<float> sum{stream, a.size()}, product{stream, a.size()}, sums{stream, c.size()};
        on_device<float> joined{stream, std::vector<float>(batch * wide_image, 7.0f)}, part{stream, a.size()};
        hc::kernels::add(device, a.size(), as.data(), bs.data(), sum.data());
        hc::kernels::multiply(device, a.size(), size, as.data(), cs.data(), product.data());
        hc::kernels::multiply_and_sum(device, a.size(), size, as.data(), bs.data(), sums.data());
        hc::kernels::copy_part(device, batch, channels * size, as.data(), channels * size, joined.data() + 4,
                               wide_image);
        hc::kernels::copy_part(device, batch, channels * size, joined.data() + 4, wide_image, part.data(),
                               channels * size);
        return results{sum.values(), product.values(), sums.values(), joined.values(), part.values()};
    });
    auto const wide_a = widened(a), wide_b = widened(b), wide_c = widened(c);
    doubles sum(a.size()), product(a.size()), sums(c.size()), joined(batch * wide_image, 7.0);
    hc::kernels::add(hc::cpu{}, a.size(), wide_a.data(), wide_b.data(), sum.data());
    hc::kernels::multiply(hc::cpu{}, a.size(), size, wide_a.data(), wide_c.data(), product.data());
    hc::kernels::multiply_and_sum(hc::cpu{}, a.size(), size, wide_a.data(), wide_b.data(), sums.data());
    hc::kernels::copy_part(hc::cpu{}, batch, channels * size, wide_a.data(), channels * size,
                           joined.data() + 4, wide_image);
    check_near("sum", got[0], sum, 1e-6);
    check_near("product", got[1], product, 1e-6);
    check_near("sums of products", got[2], sums);
    check_near("concat", got[3], joined, 0);
    check_near("part", got[4], wide_a, 0);
}

BOOST_AUTO_TEST_CASE(maps_of_grad_cam) {
    hc::kernels::grad_cam_sizes const of{3, 37, 5, 7, 16, 13};
    std::size_t const pixels = of.height * of.width, to_pixels = of.to_height * of.to_width;
    auto activation = noise(of.batch * of.channels * pixels, 1);
    auto const gradient = noise(activation.size(), 2);
    std::fill_n(activation.data() + of.channels * pixels, of.channels * pixels,
                0.0f); // the second map is blank
    std::vector<hc::cam_status> statuses;
    auto const got = in_both_orders([&](auto& stream, auto const& device) {
        on_device<float> as{stream, activation}, gs{stream, gradient};
        on_device<double> weights{stream, of.batch * of.channels};
        on_device<float> raw{stream, of.batch * pixels}, heatmap{stream, of.batch * to_pixels};
        on_device<hc::cam_status> status{stream, of.batch};
        hc::kernels::grad_cam_maps(device, of, as.data(), gs.data(), weights.data(), raw.data(),
                                   heatmap.data(), status.data());
        statuses = status.values();
        return results{raw.values(), heatmap.values()};
    });
    std::vector<float> raw(of.batch * pixels), heatmap(of.batch * to_pixels);
    std::vector<double> sums(pixels);
    for (std::size_t n = 0; n < of.batch; ++n) {
        std::size_t const at = n * of.channels * pixels;
        float* const map = heatmap.data() + n * to_pixels;
        hc::kernels::grad_cam_map(hc::cpu{}, of.channels, pixels, activation.data() + at,
                                  gradient.data() + at, sums.data(), raw.data() + n * pixels);
        hc::kernels::resize_bilinear(hc::cpu{}, of.height, of.width, raw.data() + n * pixels, of.to_height,
                                     of.to_width, map);
        hc::kernels::normalize_map(hc::cpu{}, to_pixels, map);
        BOOST_TEST((statuses[n] == hc::kernels::status_of_map(hc::cpu{}, pixels, raw.data() + n * pixels)));
    }
    check_near("raw", got[0], widened(raw), 1e-6);
    check_near("heatmap", got[1], widened(heatmap), 1e-6);
    BOOST_TEST(*std::max_element(got[1].begin(), got[1].begin() + static_cast<std::ptrdiff_t>(to_pixels)) ==
               1.0f);
}

BOOST_AUTO_TEST_CASE(the_class_that_is_explained) {
    float const nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
    std::size_t const classes = 301; // more than a block has threads
    std::vector<float> logits;
    auto const add_image = [&](std::vector<std::pair<std::size_t, float>> const& set) {
        auto values = noise(classes, static_cast<std::uint32_t>(logits.size()));
        for (auto const& [at, value] : set)
            values[at] = value;
        logits.insert(logits.end(), values.begin(), values.end());
    };
    add_image({});
    add_image({{300, 2.0f}});
    add_image({{290, 2.0f}, {7, 2.0f}, {135, 2.0f}}); // the first of equals
    add_image({{0, nan}, {50, 2.0f}});                // nothing is larger than a NaN that is the first
    add_image({{3, nan}, {50, 2.0f}, {51, nan}});     // others are passed by
    add_image({{0, -inf}, {200, inf}});
    std::size_t const images = logits.size() / classes;
    std::vector<std::uint32_t> asked(images, hc::kernels::predicted_class);
    asked[1] = 5;
    std::vector<std::uint32_t> predicted, target;
    auto const got = in_both_orders([&](auto& stream, auto const& device) {
        on_device<float> all{stream, logits}, gradient{stream, logits.size()};
        on_device<std::uint32_t> asks{stream, asked}, largest{stream, images}, chosen{stream, images};
        device.launch(hc::kernel_grid{images},
                      hc::kernels::choose_logit{classes, all.data(), asks.data(), largest.data(),
                                                chosen.data(), gradient.data()});
        predicted = largest.values();
        target = chosen.values();
        return results{gradient.values()};
    });
    for (std::size_t n = 0; n < images; ++n) {
        auto const* const row = logits.data() + n * classes;
        auto const expected = static_cast<std::size_t>(std::max_element(row, row + classes) - row);
        BOOST_TEST(predicted[n] == expected);
        BOOST_TEST(target[n] == (n == 1 ? 5 : expected));
        std::vector<float> seed(classes, 0.0f);
        seed[target[n]] = 1.0f;
        BOOST_TEST(
            std::equal(seed.begin(), seed.end(), got[0].begin() + static_cast<std::ptrdiff_t>(n * classes)));
    }
}
