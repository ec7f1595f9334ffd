#define BOOST_TEST_MODULE cuda_layers
#include <boost/test/unit_test.hpp>

#include "device_harness.hpp"

#include <hookcam/layers/adaptive_max_pool2d/adaptive_max_pool2d_cpu.hpp>
#include <hookcam/layers/adaptive_max_pool2d/adaptive_max_pool2d_cuda.hpp>
#include <hookcam/layers/conv_transpose2d/conv_transpose2d_cuda.hpp>
#include <hookcam/layers/conv_transpose2d/conv_transpose2d_reference.hpp>
#include <hookcam/layers/group_norm/group_norm_cpu.hpp>
#include <hookcam/layers/group_norm/group_norm_cuda.hpp>
#include <hookcam/layers/lp_pool2d/lp_pool2d_cpu.hpp>
#include <hookcam/layers/lp_pool2d/lp_pool2d_cuda.hpp>
#include <hookcam/layers/upsample/upsample_cpu.hpp>
#include <hookcam/layers/upsample/upsample_cuda.hpp>
#include <hookcam/layers/zero_pad2d/zero_pad2d_cpu.hpp>
#include <hookcam/layers/zero_pad2d/zero_pad2d_cuda.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

// Kernels of a GPU, run by the processor, against the processor's own in double: what cuda_kernels.cpp has not.

using namespace device_harness;
using results = std::vector<std::vector<float>>;
using doubles = std::vector<double>;

namespace {

/// A map without parameters whose backward reads nothing but the gradient.
template <class Sizes, class Forward, class Backward>
void check_linear_map(char const* what, Sizes const& of, std::size_t in, std::size_t out, Forward forward,
                      Backward backward) {
    auto const x = noise(in, 1), grad_y = noise(out, 2);
    auto const got = in_both_orders([&](auto& stream, auto const& device) {
        on_device<float> xs{stream, x}, grads{stream, grad_y}, y{stream, out}, grad_x{stream, in};
        forward(device, of, static_cast<float const*>(xs.data()), y.data());
        backward(device, of, static_cast<float const*>(grads.data()), grad_x.data());
        return results{y.values(), grad_x.values()};
    });
    auto const wide = widened(x), wide_grad = widened(grad_y);
    doubles y(out), grad_x(in);
    forward(hc::cpu{}, of, wide.data(), y.data());
    backward(hc::cpu{}, of, wide_grad.data(), grad_x.data());
    check_near(what, got[0], y, 1e-6);
    check_near(what, got[1], grad_x, 1e-6);
}

} // namespace

BOOST_AUTO_TEST_CASE(upsampling) {
    for (auto const& of :
         {hc::kernels::upsample_parameters{1, 1, 1, 1}, hc::kernels::upsample_parameters{3, 5, 7, 2},
          hc::kernels::upsample_parameters{2, 4, 1, 3}, hc::kernels::upsample_parameters{2, 1, 6, 5},
          hc::kernels::upsample_parameters{5, 7, 9, 1}, hc::kernels::upsample_parameters{1, 3, 3, 8}}) {
        std::size_t const in = of.planes * of.in_height * of.in_width;
        std::size_t const out = of.planes * of.out_height() * of.out_width();
        check_linear_map(
            "nearest", of, in, out, [](auto const&... with) { hc::kernels::upsample_nearest(with...); },
            [](auto const&... with) { hc::kernels::upsample_nearest_backward(with...); });
        check_linear_map(
            "bilinear", of, in, out, [](auto const&... with) { hc::kernels::upsample_bilinear(with...); },
            [](auto const&... with) { hc::kernels::upsample_bilinear_backward(with...); });
    }
}

BOOST_AUTO_TEST_CASE(zeros_around) {
    for (auto const& of : {hc::kernels::zero_pad2d_parameters{2, 3, 5, 3, 5, 0, 0},
                           hc::kernels::zero_pad2d_parameters{3, 7, 5, 10, 11, 1, 4},
                           hc::kernels::zero_pad2d_parameters{5, 1, 1, 4, 2, 3, 0}})
        check_linear_map(
            "zero_pad2d", of, of.planes * of.in_height * of.in_width,
            of.planes * of.out_height * of.out_width,
            [](auto const&... with) { hc::kernels::zero_pad2d(with...); },
            [](auto const&... with) { hc::kernels::zero_pad2d_backward(with...); });
}

BOOST_AUTO_TEST_CASE(norms_of_windows) {
    for (std::size_t const norm : {1U, 2U, 3U, 6U})
        for (auto const& [rows, columns] :
             {std::pair{hc::window{2, 2}, hc::window{3, 3}}, std::pair{hc::window{3, 1}, hc::window{2, 1}},
              std::pair{hc::window{1, 2}, hc::window{3, 2}}}) { // rows between
            hc::kernels::pool2d_parameters const of{
                {3, 9, 7, rows.count(9, false), columns.count(7, false)}, rows, columns, true};
            auto x = noise(of.planes * of.in_plane(), 1);
            for (std::size_t i = 0; i < of.in_plane(); ++i)
                x[i] = 0; // norms of zero
            auto const grad_y = noise(of.planes * of.out_plane(), 2);
            auto const got = in_both_orders([&](auto& stream, auto const& device) {
                on_device<float> xs{stream, x}, grads{stream, grad_y}, y{stream, grad_y.size()};
                on_device<float> grad_x{stream, x.size()};
                hc::kernels::lp_pool2d(device, of, norm, xs.data(), y.data());
                hc::kernels::lp_pool2d_backward(device, of, norm, xs.data(), y.data(), grads.data(),
                                                grad_x.data());
                return results{y.values(), grad_x.values()};
            });
            auto const wide = widened(x), wide_grad = widened(grad_y);
            doubles y(grad_y.size()), grad_x(x.size());
            hc::kernels::lp_pool2d(hc::cpu{}, of, norm, wide.data(), y.data());
            hc::kernels::lp_pool2d_backward(hc::cpu{}, of, norm, wide.data(), y.data(), wide_grad.data(),
                                            grad_x.data());
            check_near("y", got[0], y, 2e-6);
            check_near("gradient", got[1], grad_x, 5e-6);
        }
}

BOOST_AUTO_TEST_CASE(adaptive_max_pooling) {
    float const nan = std::numeric_limits<float>::quiet_NaN();
    for (auto const& of :
         {hc::kernels::pool2d_sizes{7, 8, 8, 1, 1}, hc::kernels::pool2d_sizes{3, 7, 5, 3, 2},
          hc::kernels::pool2d_sizes{2, 3, 4, 5, 7}, hc::kernels::pool2d_sizes{2, 13, 11, 1, 3}}) {
        auto x = noise(of.planes * of.in_plane(), 1);
        for (std::size_t i = 2; i < x.size(); i += 3)
            x[i] = x[i - 1] = 0.875f; // equals: the first is chosen
        std::fill_n(x.data(), of.in_plane(), -std::numeric_limits<float>::infinity());
        if (of.out_plane() == 1)
            x[of.in_plane() + 40] = x[of.in_plane() + 41] = nan; // the last one
        auto const grad_y = noise(of.planes * of.out_plane(), 2);
        std::vector<std::int32_t> chosen_there;
        auto const got = in_both_orders([&](auto& stream, auto const& device) {
            on_device<float> xs{stream, x}, grads{stream, grad_y}, y{stream, grad_y.size()},
                grad_x{stream, x.size()};
            on_device<float> plain{stream, grad_y.size()};
            on_device<std::int32_t> chosen{stream, grad_y.size()};
            hc::kernels::adaptive_max_pool2d(device, of, xs.data(), y.data(), chosen.data());
            hc::kernels::adaptive_max_pool2d(device, of, xs.data(), plain.data(), nullptr);
            hc::kernels::adaptive_max_pool2d_backward(device, of, chosen.data(), grads.data(), grad_x.data());
            chosen_there = chosen.values();
            return results{y.values(), plain.values(), grad_x.values()};
        });
        doubles const wide_grad = widened(grad_y);
        std::vector<float> y(grad_y.size());
        doubles grad_x(x.size());
        std::vector<std::int32_t> chosen(grad_y.size());
        hc::kernels::adaptive_max_pool2d(hc::cpu{}, of, x.data(), y.data(), chosen.data());
        hc::kernels::adaptive_max_pool2d_backward(hc::cpu{}, of, chosen.data(), wide_grad.data(),
                                                  grad_x.data());
        BOOST_TEST(std::memcmp(got[0].data(), y.data(), y.size() * sizeof(float)) == 0);
        BOOST_TEST(std::memcmp(got[1].data(), y.data(), y.size() * sizeof(float)) == 0);
        BOOST_TEST(chosen_there == chosen, boost::test_tools::per_element());
        check_near("gradient", got[2], grad_x, 1e-6);
    }
}

BOOST_AUTO_TEST_CASE(measured_norms) {
    for (auto const& of : {hc::kernels::group_norm_parameters{2, 6, 35, 3, 1e-5},
                           hc::kernels::group_norm_parameters{3, 5, 63, 5, 1e-5},   // instance norm
                           hc::kernels::group_norm_parameters{150, 37, 1, 1, 1e-3}, // layer norm
                           hc::kernels::group_norm_parameters{1, 7, 143, 1, 1e-5},  // an image
                           hc::kernels::group_norm_parameters{1, 1, 1, 1, 1e-5}}) {
        auto x = noise(of.batch * of.channels * of.plane, 1);
        for (auto& value : x)
            value = value * 0.5f + 3;
        auto const grad_y = noise(x.size(), 2), weight = noise(of.channels, 3), bias = noise(of.channels, 4);
        std::size_t const groups = of.batch * of.groups;
        auto const got = in_both_orders([&](auto& stream, auto const& device) {
            on_device<float> xs{stream, x}, y{stream, x}, plain{stream, x.size()}, inverses{stream, groups};
            on_device<float> weights{stream, weight}, biases{stream, bias}, grads{stream, grad_y};
            on_device<float> grad_x{stream, x.size()}, by_input{stream, x.size()},
                by_output{stream, x.size()};
            on_device<float> grad_weight{stream, weight.size()}, grad_bias{stream, bias.size()};
            on_device<float> alone{stream, weight.size()};
            on_device<float> scratch{stream, hc::kernels::group_norm_cuda_scratch(of.batch, of.groups) /
                                                 sizeof(float)};
            hc::kernels::group_norm(device, of, weights.data(), biases.data(), y.data(), y.data(), nullptr);
            hc::kernels::group_norm(device, of, nullptr, nullptr, xs.data(), plain.data(), inverses.data());
            hc::kernels::group_norm_backward(device, of, weights.data(), xs.data(), grads.data(),
                                             grad_x.data());
            hc::kernels::group_norm_backward(device, of, nullptr, xs.data(), grads.data(), by_input.data());
            hc::kernels::group_norm_backward_from_output(device, of, inverses.data(), plain.data(),
                                                         grads.data(), by_output.data());
            hc::kernels::group_norm_backward_parameters(device, of, xs.data(), grads.data(),
                                                        grad_weight.data(), grad_bias.data(), scratch.data());
            hc::kernels::group_norm_backward_parameters(device, of, xs.data(), grads.data(), alone.data(),
                                                        nullptr, scratch.data());
            return results{y.values(),           plain.values(),     inverses.values(),
                           grad_x.values(),      by_input.values(),  by_output.values(),
                           grad_weight.values(), grad_bias.values(), alone.values()};
        });
        auto const wide = widened(x), wide_grad = widened(grad_y), weights = widened(weight),
                   biases = widened(bias);
        doubles y(x.size()), plain(x.size()), inverses(groups), grad_x(x.size()), by_input(x.size());
        doubles grad_weight(weight.size()), grad_bias(bias.size());
        double* const none = nullptr;
        hc::kernels::group_norm(hc::cpu{}, of, weights.data(), biases.data(), wide.data(), y.data(), none);
        hc::kernels::group_norm<double>(hc::cpu{}, of, nullptr, nullptr, wide.data(), plain.data(),
                                        inverses.data());
        hc::kernels::group_norm_backward(hc::cpu{}, of, weights.data(), wide.data(), wide_grad.data(),
                                         grad_x.data());
        hc::kernels::group_norm_backward<double>(hc::cpu{}, of, nullptr, wide.data(), wide_grad.data(),
                                                 by_input.data());
        hc::kernels::group_norm_backward_parameters(hc::cpu{}, of, wide.data(), wide_grad.data(),
                                                    grad_weight.data(), grad_bias.data(), none);
        if (x.size() == 1) { // zeros but for rounding
            BOOST_TEST(got[0][0] == bias[0]);
            BOOST_TEST(got[3][0] == 0.0f);
            continue;
        }
        check_near("y", got[0], y, 5e-6);
        check_near("y without weights", got[1], plain, 5e-6);
        check_near("inverses", got[2], inverses, 1e-6);
        check_near("gradient", got[3], grad_x, 1e-5);
        check_near("gradient without weights", got[4], by_input, 1e-5);
        check_near("gradient by the output", got[5], by_input, 1e-5);
        check_near("gradient of the weight", got[6], grad_weight, 1e-5);
        check_near("gradient of the bias", got[7], grad_bias, 1e-5);
        BOOST_TEST(got[8] == got[6], boost::test_tools::per_element());
    }
}

namespace {

/// The sizes are those of the convolution that it is the transpose of: of.in_* is y, of.out_* is x.
template <class Device = device_type>
void check_conv_transpose2d(hc::kernels::conv2d_parameters of) {
    auto const x = noise(of.batch * of.out_channels * of.out_plane(), 1);
    auto const weight = noise(of.out_channels * of.terms(), 2), bias = noise(of.in_channels, 3);
    auto const grad_y = noise(of.batch * of.in_channels * of.in_plane(), 4);
    auto const got = in_both_orders([&](auto& stream, auto const&) {
        Device const device{&stream};
        on_device<float> scratch{stream, hc::kernels::conv2d_cuda_scratch(of) / sizeof(float)};
        on_device<float> xs{stream, x}, weights{stream, weight}, biases{stream, bias}, grads{stream, grad_y};
        on_device<float> y{stream, grad_y.size()}, plain{stream, grad_y.size()}, grad_x{stream, x.size()};
        on_device<float> grad_weight{stream, weight.size()}, grad_bias{stream, bias.size()};
        hc::kernels::conv_transpose2d(device, of, xs.data(), weights.data(), biases.data(), y.data(),
                                      scratch.data());
        hc::kernels::conv_transpose2d(device, of, xs.data(), weights.data(), nullptr, plain.data(),
                                      scratch.data());
        hc::kernels::conv_transpose2d_backward(device, of, grads.data(), weights.data(), grad_x.data(),
                                               scratch.data());
        hc::kernels::conv_transpose2d_backward_parameters(
            device, of, xs.data(), grads.data(), grad_weight.data(), grad_bias.data(), scratch.data());
        return results{y.values(), plain.values(), grad_x.values(), grad_weight.values(), grad_bias.values()};
    });
    auto const wide_x = widened(x), wide_weight = widened(weight), wide_bias = widened(bias);
    auto const wide_grad = widened(grad_y);
    doubles y(grad_y.size()), plain(grad_y.size()), grad_x(x.size()), grad_weight(weight.size()),
        grad_bias(bias.size());
    hc::reference::conv_transpose2d(of, wide_x.data(), wide_weight.data(), wide_bias.data(), y.data());
    hc::reference::conv_transpose2d<double>(of, wide_x.data(), wide_weight.data(), nullptr, plain.data());
    hc::reference::conv_transpose2d_backward(of, wide_grad.data(), wide_weight.data(), grad_x.data());
    hc::reference::conv_transpose2d_backward_parameters(of, wide_x.data(), wide_grad.data(),
                                                        grad_weight.data(), grad_bias.data());
    check_near("y", got[0], y);
    check_near("y without bias", got[1], plain);
    check_near("gradient of x", got[2], grad_x);
    check_near("gradient of the weight", got[3], grad_weight);
    check_near("gradient of the bias", got[4], grad_bias);
}

} // namespace

BOOST_AUTO_TEST_CASE(transposed_convolutions_of_odd_sizes) {
    using window = hc::window;
    // batch, out, in, groups, out height, out width, in height, in width, rows, columns
    check_conv_transpose2d({1, 1, 1, 1, 1, 1, 1, 1, window{}, window{}});
    check_conv_transpose2d({2, 3, 5, 1, 7, 9, 7, 9, window{3, 1, 1, 1, 1}, window{3, 1, 1, 1, 1}});
    check_conv_transpose2d({3, 6, 4, 2, 10, 8, 5, 4, window{2, 2}, window{2, 2}});
    check_conv_transpose2d({2, 4, 6, 2, 9, 11, 5, 6, window{3, 2, 1, 1, 1}, window{3, 2, 1, 1, 1}});
    check_conv_transpose2d(
        {1, 5, 3, 1, 10, 12, 4, 5, window{3, 2, 1, 0, 0}, window{4, 2, 1, 0, 0}}); // rows more
    check_conv_transpose2d({2, 3, 3, 3, 11, 9, 4, 3, window{2, 3, 2, 1, 1}, window{3, 3, 1, 0, 0}});
    check_conv_transpose2d({1, 35, 33, 1, 6, 5, 6, 5, window{3, 1, 1, 1, 1}, window{3, 1, 1, 1, 1}});
    check_conv_transpose2d<large_tiles>({3, 6, 4, 2, 10, 8, 5, 4, window{2, 2}, window{2, 2}});
    check_conv_transpose2d<large_tiles>(
        {1, 67, 35, 1, 9, 11, 5, 6, window{3, 2, 1, 1, 1}, window{3, 2, 1, 1, 1}});
}
