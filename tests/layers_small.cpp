#define BOOST_TEST_MODULE layers_small
#include "layer_harness.hpp"

#include <hookcam/layers.hpp>
#include <hookcam/layers/linear/linear_reference.hpp>
#include <hookcam/layers/pad_shortcut/pad_shortcut_reference.hpp>
#include <hookcam/layers/relu/relu_reference.hpp>

#include <concepts>
#include <limits>

namespace hc = hookcam;
using namespace harness;
using hc::extents;

namespace {

constexpr std::size_t batch = 3;

template <class T, class Layer>
void check_linear_reference(std::size_t in, std::size_t out) {
    bench<Layer, T, 1> at{batch, extents{in}};
    at.fill(noise(at.x.size(), 1), 1);
    at.forward();
    at.backward();
    at.backward_parameters();
    auto const x = widened(at.x);
    auto const grad_y = widened(at.grad_y);
    auto const own = widened(at.parameters);
    bool const has_bias = own.size() > in * out;
    std::vector<double> y(at.y.size());
    std::vector<double> grad_x(x.size());
    std::vector<double> gradients(own.size());
    hc::reference::linear(batch, in, out, x.data(), own.data(), has_bias ? own.data() + in * out : nullptr,
                          y.data());
    hc::reference::linear_backward(batch, in, out, grad_y.data(), own.data(), grad_x.data());
    hc::reference::linear_backward_parameters(batch, in, out, x.data(), grad_y.data(), gradients.data(),
                                              has_bias ? gradients.data() + in * out : nullptr);
    check_near("y", at.y, y, rounding<T>(in + 1));
    check_near("grad_x", at.grad_x, grad_x, rounding<T>(out));
    check_near("gradients", at.gradients, gradients, rounding<T>(batch));
}

template <class Layer>
void check_linear(std::size_t in, std::size_t out) {
    BOOST_TEST_CONTEXT(Layer::type_name()) {
        static_assert(is_free<Layer>());
        check_linear_reference<float, Layer>(in, out);
        check_linear_reference<double, Layer>(in, out);
        bench<Layer, double, 1> at{batch, extents{in}};
        at.fill(noise(at.x.size(), 2), 2);
        check_differences(at);
    }
}

template <class T>
void check_relu_reference() {
    bench<hc::relu<>, T> at{batch, extents{2, 5, 3}};
    at.fill(noise(at.x.size(), 1), 1);
    at.x[0] = std::numeric_limits<T>::quiet_NaN();
    at.x[1] = T{0};
    at.x[2] = std::numeric_limits<T>::infinity();
    at.x[3] = -std::numeric_limits<T>::infinity();
    at.forward();
    at.backward();
    auto const x = widened(at.x);
    auto const grad_y = widened(at.grad_y);
    std::vector<double> y(x.size());
    std::vector<double> grad_x(x.size());
    hc::reference::relu(x.size(), x.data(), y.data());
    hc::reference::relu_backward(x.size(), x.data(), grad_y.data(), grad_x.data());
    check_near("y", at.y, y, 0);
    check_near("grad_x", at.grad_x, grad_x, 0);
    check_near("y in place", at.forward_in_place(), y, 0);
}

template <class T, class Layer>
void check_shortcut_reference(extents const& in, std::size_t row_stride, std::size_t column_stride) {
    bench<Layer, T> at{batch, in};
    at.fill(noise(at.x.size(), 1), 1);
    at.forward();
    at.backward();
    hc::kernels::pad_shortcut_parameters const sizes{batch,     in[0],     at.out[0],  in[1],        in[2],
                                                     at.out[1], at.out[2], row_stride, column_stride};
    auto const x = widened(at.x);
    auto const grad_y = widened(at.grad_y);
    std::vector<double> y(at.y.size());
    std::vector<double> grad_x(x.size());
    hc::reference::pad_shortcut(sizes, x.data(), y.data());
    hc::reference::pad_shortcut_backward(sizes, grad_y.data(), grad_x.data());
    check_near("y", at.y, y, 0);
    check_near("grad_x", at.grad_x, grad_x, 0);
}

template <class Layer>
void check_shortcut(extents const& in, std::size_t row_stride, std::size_t column_stride) {
    BOOST_TEST_CONTEXT(Layer::type_name()) {
        static_assert(is_free<Layer>());
        check_shortcut_reference<float, Layer>(in, row_stride, column_stride);
        check_shortcut_reference<double, Layer>(in, row_stride, column_stride);
        bench<Layer, double> at{batch, in};
        at.fill(noise(at.x.size(), 2), 2);
        check_differences(at);
    }
}

/// True where a call of output_extents is a constant expression, that is, where nothing is refused.
template <class Layer, extents Sizes>
concept takes = requires {
    typename std::integral_constant<std::size_t, Layer::output_extents(Sizes).rank>;
};

} // namespace

// What is refused at compile time; the sentences are tests of their own.
static_assert(takes<hc::conv2d<3, 8, hc::kernel<3>>, extents{3, 8, 8}>);
static_assert(!takes<hc::conv2d<3, 8, hc::kernel<3>>, extents{4, 8, 8}>);
static_assert(!takes<hc::conv2d<3, 8, hc::kernel<3>>, extents{3, 8, 2}>);
static_assert(!takes<hc::conv2d<3, 8, hc::kernel<3>>, extents{3}>);
static_assert(takes<hc::linear<8, 2>, extents{8}>);
static_assert(!takes<hc::linear<8, 2>, extents{9}>);
static_assert(!takes<hc::linear<8, 2>, extents{8, 1, 1}>);
static_assert(!takes<hc::max_pool2d<3>, extents{1, 2, 3}>);
static_assert(takes<hc::max_pool2d<3, hc::stride<2>, hc::ceil_mode>, extents{1, 2, 3}>);
static_assert(!takes<hc::avg_pool2d<3>, extents{1, 3, 2}>);
static_assert(!takes<hc::batch_norm2d<3>, extents{2, 2, 2}>);
static_assert(!takes<hc::pad_shortcut<2, 4>, extents{3, 2, 2}>);

// Layers that hand their input on.
static_assert(hc::flatten<>::is_view && hc::identity<>::is_view && hc::dropout<>::is_view);
static_assert(is_free<hc::flatten<>>() && is_free<hc::identity<>>() && is_free<hc::dropout<>>());
static_assert(is_free<hc::dropout<hc::probability<0.25>>>() && is_free<hc::relu<>>());
static_assert(hc::dropout<>::drop_probability == 0.5);
static_assert(hc::dropout<hc::probability<0.25>>::drop_probability == 0.25);
static_assert(hc::dropout<>::output_extents(extents{4, hc::dynamic, 2}) == extents{4, hc::dynamic, 2});
static_assert(hc::flatten<>::output_extents(extents{128, 4, 4}) == extents{2048});
static_assert(hc::flatten<>::output_extents(extents{128, hc::dynamic, 4}) == extents{hc::dynamic});

static_assert(hc::pad_shortcut<16, 32, hc::stride<2>>::output_extents(extents{16, 32, 33}) ==
              extents{32, 16, 17});
static_assert(hc::pad_shortcut<2, 4, hc::stride<2, 3>>::output_extents(extents{2, hc::dynamic, 7}) ==
              extents{4, hc::dynamic, 3});

BOOST_AUTO_TEST_CASE(linear_agrees_with_the_reference_and_with_finite_differences) {
    check_linear<hc::linear<7, 4>>(7, 4);
    check_linear<hc::linear<5, 1, hc::no_bias>>(5, 1);
}

BOOST_AUTO_TEST_CASE(relu_agrees_with_the_reference_and_with_finite_differences) {
    check_relu_reference<float>();
    check_relu_reference<double>();
    bench<hc::relu<>, double> at{batch, extents{2, 4, 3}};
    at.fill(separated(at.x.size(), 2), 2);
    check_differences(at);
}

BOOST_AUTO_TEST_CASE(relu_agrees_with_pytorch_at_its_corners) {
    float const nan = std::numeric_limits<float>::quiet_NaN();
    bench<hc::relu<>, float, 1> at{1, extents{4}};
    at.x = {nan, -1, 0, 2};
    at.grad_y = {1, 1, 1, 1};
    at.forward();
    at.backward();
    check_near("y", at.y, {nan, 0, 0, 2}, 0);
    check_near("grad_x", at.grad_x, {1, 0, 0, 1}, 0);
}

BOOST_AUTO_TEST_CASE(pad_shortcut_agrees_with_the_reference_and_with_finite_differences) {
    check_shortcut<hc::pad_shortcut<2, 4, hc::stride<2>>>(extents{2, 4, 5}, 2, 2);
    check_shortcut<hc::pad_shortcut<2, 5, hc::stride<1, 3>>>(extents{2, 3, 7}, 1, 3);
    check_shortcut<hc::pad_shortcut<3, 3>>(extents{3, 2, 2}, 1, 1);
}

BOOST_AUTO_TEST_CASE(pad_shortcut_takes_every_second_pixel_between_channels_of_zeros) {
    bench<hc::pad_shortcut<2, 5, hc::stride<2>>, float> at{1, extents{2, 3, 4}};
    for (std::size_t i = 0; i < at.x.size(); ++i)
        at.x[i] = static_cast<float>(i + 1);
    at.forward();
    // One channel of zeros in front, two behind.
    check_near("y", at.y, {0, 0, 0, 0, 1, 3, 9, 11, 13, 15, 21, 23, 0, 0, 0, 0, 0, 0, 0, 0}, 0);
}

BOOST_AUTO_TEST_CASE(a_layer_says_its_type_as_its_user_writes_it) {
    BOOST_TEST((hc::conv2d<1, 2, hc::kernel<3>, hc::padding<1>>::type_name()) ==
               "conv2d<1, 2, kernel<3>, padding<1>>");
    BOOST_TEST((hc::max_pool2d<3, hc::stride<2>, hc::ceil_mode>::type_name()) ==
               "max_pool2d<3, stride<2>, ceil_mode>");
    BOOST_TEST((hc::batch_norm2d<8, hc::eps<0.001>>::type_name()) == "batch_norm2d<8, eps<0.001>>");
    BOOST_TEST((hc::adaptive_avg_pool2d<1>::type_name()) == "adaptive_avg_pool2d<1>");
    BOOST_TEST(hc::relu<>::type_name() == "relu<>");
}
