#define BOOST_TEST_MODULE layers_resample
#include "network_harness.hpp"

#include <hookcam/layers/conv_transpose2d/conv_transpose2d_reference.hpp>
#include <hookcam/layers/upsample/upsample_reference.hpp>
#include <hookcam/layers/zero_pad2d/zero_pad2d_reference.hpp>

#include <concepts>

namespace hc = hookcam;
using namespace harness;
using hc::extents;

namespace {

constexpr std::size_t batch = 3;

/// Forward and backward against `forward(x, y)` and `backward(grad_y, grad_x)`, which compute in double.
template <class T, class Layer>
void check_reference(extents const& in, std::size_t terms, auto forward, auto backward) {
    bench<Layer, T> at{batch, in};
    at.fill(noise(at.x.size(), 1), 1);
    at.forward();
    at.backward();
    auto const x = widened(at.x);
    auto const grad_y = widened(at.grad_y);
    std::vector<double> y(at.y.size());
    std::vector<double> grad_x(x.size());
    forward(x.data(), y.data());
    backward(grad_y.data(), grad_x.data());
    check_near("y", at.y, y, rounding<T>(terms));
    check_near("grad_x", at.grad_x, grad_x, rounding<T>(terms));
}

template <class Layer>
void check(extents const& in, std::size_t terms, auto forward, auto backward) {
    BOOST_TEST_CONTEXT(Layer::type_name() << " on " << hc::to_string(in)) {
        static_assert(is_free<Layer>());
        check_reference<float, Layer>(in, terms, forward, backward);
        check_reference<double, Layer>(in, terms, forward, backward);
        bench<Layer, double> at{batch, in};
        at.fill(noise(at.x.size(), 2), 2);
        check_differences(at);
    }
}

template <class Layer>
void check_pad(extents const& in, std::size_t top, std::size_t left) {
    auto const out = Layer::output_extents(in);
    hc::kernels::zero_pad2d_parameters const sizes{batch * in[0], in[1], in[2], out[1], out[2], top, left};
    check<Layer>(
        in, 0, [&](double const* x, double* y) { hc::reference::zero_pad2d(sizes, x, y); },
        [&](double const* grad_y, double* grad_x) {
            hc::reference::zero_pad2d_backward(sizes, grad_y, grad_x);
        });
}

template <class Layer>
void check_upsample(extents const& in, std::size_t scale) {
    hc::kernels::upsample_parameters const sizes{batch * in[0], in[1], in[2], scale};
    // Shares of four pixels; a pixel's gradient has at most twice the scale of them a row and a column.
    check<Layer>(
        in, 4 + 4 * scale * scale,
        [&](double const* x, double* y) { hc::reference::upsample(sizes, Layer::is_bilinear, x, y); },
        [&](double const* grad_y, double* grad_x) {
            hc::reference::upsample_backward(sizes, Layer::is_bilinear, grad_y, grad_x);
        });
}

template <class T, class Layer>
void check_transpose_reference(extents const& in) {
    bench<Layer, T> at{batch, in};
    at.fill(noise(at.x.size(), 1), 1);
    at.forward();
    at.backward();
    at.backward_parameters();
    using windows = typename Layer::windows;
    hc::kernels::conv2d_parameters const sizes{batch,         at.out[0],       in[0], Layer::group_count,
                                               at.out[1],     at.out[2],       in[1], in[2],
                                               windows::rows, windows::columns};
    auto const x = widened(at.x);
    auto const grad_y = widened(at.grad_y);
    auto const own = widened(at.parameters);
    std::size_t const weights = sizes.out_channels * sizes.terms();
    auto const* const bias = Layer::has_bias ? own.data() + weights : nullptr;
    std::vector<double> y(at.y.size());
    std::vector<double> grad_x(x.size());
    std::vector<double> gradients(own.size());
    hc::reference::conv_transpose2d(sizes, x.data(), own.data(), bias, y.data());
    hc::reference::conv_transpose2d_backward(sizes, grad_y.data(), own.data(), grad_x.data());
    hc::reference::conv_transpose2d_backward_parameters(sizes, x.data(), grad_y.data(), gradients.data(),
                                                        Layer::has_bias ? gradients.data() + weights
                                                                        : nullptr);
    // An output element sees at most every tap of every input channel of its group.
    check_near("y", at.y, y,
               rounding<T>(sizes.group_out() * windows::rows.kernel * windows::columns.kernel + 1));
    check_near("grad_x", at.grad_x, grad_x, rounding<T>(sizes.terms()));
    check_near("gradients", at.gradients, gradients, rounding<T>(batch * sizes.in_plane()));
}

template <class Layer>
void check_transpose(extents const& in) {
    BOOST_TEST_CONTEXT(Layer::type_name() << " on " << hc::to_string(in)) {
        static_assert(is_free<Layer>());
        check_transpose_reference<float, Layer>(in);
        check_transpose_reference<double, Layer>(in);
        bench<Layer, double> at{batch, in};
        at.fill(noise(at.x.size(), 2), 2);
        check_differences(at);
    }
}

/// A layer on whole numbers: its output, and its gradients for a gradient of quarters. PyTorch's literals
/// carry thirteen digits behind the point.
template <class Layer>
void check_pytorch(extents const& in, std::vector<double> const& y, std::vector<double> const& grad_x,
                   std::vector<double> const& gradients = {}) {
    BOOST_TEST_CONTEXT(Layer::type_name()) {
        bench<Layer, double> at{1, in};
        at.x = counted(at.x.size());
        auto const slopes = counted(at.y.size() + 3);
        for (std::size_t i = 0; i < at.grad_y.size(); ++i)
            at.grad_y[i] = slopes[i + 3] / 4;
        at.visit_parameters([&](auto parameter, std::size_t from) {
            auto const values = counted_parameters(parameter.sizes.count());
            std::copy(values.begin(), values.end(),
                      at.parameters.begin() + static_cast<std::ptrdiff_t>(from));
        });
        at.forward();
        at.backward();
        check_near("y", at.y, y, 1e-12);
        check_near("grad_x", at.grad_x, grad_x, 1e-12);
        if constexpr (Layer::parameters::any_learned) {
            at.backward_parameters();
            check_near("gradients", at.gradients, gradients, 1e-12);
        }
    }
}

auto says(std::string_view part) {
    return [part](hc::error const& e) { return std::string_view{e.what()}.find(part) == 0; };
}

} // namespace

static_assert(hc::zero_pad2d<1>::output_extents(extents{2, 3, hc::dynamic}) == extents{2, 5, hc::dynamic});
static_assert(hc::zero_pad2d<1, 2, 0, 4>::output_extents(extents{2, 3, 5}) == extents{2, 7, 8});
static_assert(hc::upsample<3>::output_extents(extents{2, 3, hc::dynamic}) == extents{2, 9, hc::dynamic});

// PyTorch's sizes and weight.
static_assert(hc::conv_transpose2d<2, 3, hc::kernel<4>, hc::stride<2>, hc::padding<1>>::output_extents(
                  extents{2, 16, hc::dynamic}) == extents{3, 32, hc::dynamic});
static_assert(hc::conv_transpose2d<2, 3, hc::kernel<3, 5>, hc::stride<2>, hc::dilation<2, 1>,
                                   hc::output_padding<1, 0>>::output_extents(extents{2, 7, 5}) ==
              extents{3, 18, 13});
static_assert(std::same_as<hc::conv_transpose2d<4, 6, hc::kernel<3, 5>, hc::groups<2>>::parameters,
                           hc::parameters<hc::parameter<"weight", 4, 3, 3, 5>, hc::parameter<"bias", 6>>>);

BOOST_AUTO_TEST_CASE(zero_pad2d_agrees_with_the_reference_and_with_finite_differences) {
    check_pad<hc::zero_pad2d<2>>(extents{2, 3, 4}, 2, 2);
    check_pad<hc::zero_pad2d<1, 2, 3, 0>>(extents{3, 2, 3}, 3, 1);
    check_pad<hc::zero_pad2d<0>>(extents{1, 2, 2}, 0, 0);
}

BOOST_AUTO_TEST_CASE(upsample_agrees_with_the_reference_and_with_finite_differences) {
    check_upsample<hc::upsample<2>>(extents{2, 3, 4}, 2);
    check_upsample<hc::upsample<3>>(extents{2, 1, 3}, 3);
    check_upsample<hc::upsample<1>>(extents{2, 2, 3}, 1);
    check_upsample<hc::upsample<2, hc::bilinear>>(extents{2, 3, 4}, 2);
    check_upsample<hc::upsample<3, hc::bilinear>>(extents{1, 4, 3}, 3);
    check_upsample<hc::upsample<4, hc::bilinear>>(extents{2, 1, 2}, 4);
    check_upsample<hc::upsample<1, hc::bilinear>>(extents{2, 2, 3}, 1);
}

BOOST_AUTO_TEST_CASE(zero_pad2d_and_upsample_agree_with_pytorch) {
    // torch.nn.ZeroPad2d((1, 2, 0, 1)), and Upsample with scale_factor 2 and 3
    check_pytorch<hc::zero_pad2d<1, 2, 0, 1>>(
        extents{1, 2, 2}, {0.0, -5.0, 2.0, 0.0, 0.0, 0.0, -2.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0},
        {0.25, -0.75, 0.75, -0.25});
    check_pytorch<hc::upsample<2>>(
        extents{1, 2, 2},
        {-5.0, -5.0, 2.0, 2.0, -5.0, -5.0, 2.0, 2.0, -2.0, -2.0, 5.0, 5.0, -2.0, -2.0, 5.0, 5.0},
        {0.5, 0.75, -1.25, 1.75});
    check_pytorch<hc::upsample<2, hc::bilinear>>(extents{1, 2, 3},
                                                 {-5.0,   -3.25, 0.25,  1.0,   -1.0, -2.0,   -2.5,   -1.4375,
                                                  0.6875, 0.75,  -1.25, -2.25, 2.5,  2.1875, 1.5625, 0.25,
                                                  -1.75,  -2.75, 5.0,   4.0,   2.0,  0.0,    -2.0,   -3.0},
                                                 {1.421875, -0.234375, 0.0, -1.046875, 0.046875, 1.3125});
    check_pytorch<hc::upsample<3, hc::bilinear>>(extents{1, 1, 2},
                                                 {-5.0, -5.0, -2.6666666666667, -0.3333333333333, 2.0, 2.0,
                                                  -5.0, -5.0, -2.6666666666667, -0.3333333333333, 2.0, 2.0,
                                                  -5.0, -5.0, -2.6666666666667, -0.3333333333333, 2.0, 2.0},
                                                 {1.3333333333333, 0.1666666666667});
}

BOOST_AUTO_TEST_CASE(zero_pad2d_and_upsample_work_in_networks_and_with_hooks) {
    check_network<hc::sequential<hc::named<"before", hc::conv2d<2, 2, hc::kernel<2>>>,
                                 hc::named<"layer", hc::zero_pad2d<1, 0, 0, 2>>, hc::sigmoid<>,
                                 hc::upsample<2>, hc::flatten<>>,
                  hc::image<2, 3, 3>>(3);
    check_network<
        hc::sequential<hc::named<"before", hc::conv2d<2, 2, hc::kernel<2>>>,
                       hc::named<"layer", hc::upsample<2, hc::bilinear>>, hc::tanh<>, hc::flatten<>>,
        hc::image<2, 3, 3>>(4);
}

BOOST_AUTO_TEST_CASE(conv_transpose2d_agrees_with_the_reference_and_with_finite_differences) {
    using hc::conv_transpose2d;
    using hc::dilation;
    using hc::groups;
    using hc::kernel;
    using hc::output_padding;
    using hc::padding;
    using hc::stride;
    check_transpose<conv_transpose2d<3, 4, kernel<3>>>(extents{3, 3, 4});
    check_transpose<conv_transpose2d<2, 3, kernel<4>, stride<2>, padding<1>>>(extents{2, 3, 2});
    check_transpose<conv_transpose2d<2, 3, kernel<3, 2>, stride<2, 3>, padding<1, 0>, output_padding<1, 2>>>(
        extents{2, 3, 2});
    check_transpose<conv_transpose2d<4, 6, kernel<2>, stride<3>, groups<2>, dilation<2, 1>, hc::no_bias>>(
        extents{4, 2, 3});
    check_transpose<conv_transpose2d<3, 2, kernel<1>>>(extents{3, 2, 3});
    // A window of one pixel at every pixel, and yet an output that is larger.
    check_transpose<conv_transpose2d<3, 2, kernel<1>, dilation<2>, output_padding<1>>>(extents{3, 2, 3});
    check_transpose<conv_transpose2d<2, 2, kernel<2>, padding<2>>>(extents{2, 4, 5});
}

BOOST_AUTO_TEST_CASE(conv_transpose2d_agrees_with_pytorch) {
    // torch.nn.ConvTranspose2d
    check_pytorch<hc::conv_transpose2d<2, 3, hc::kernel<3, 2>, hc::stride<2, 1>, hc::padding<1, 0>,
                                       hc::output_padding<1, 0>>>(
        extents{2, 2, 2}, {-4.0, 7.0,   2.0, 2.0,  -23.0, 9.0,   -7.0, -11.0, -13.0, -1.0, 10.0, 2.0,
                           -7.0, 2.0,   5.0, 3.0,  7.0,   -13.0, 2.0,  8.0,   2.0,   -6.0, -6.0, 17.0,
                           18.0, -24.0, 1.0, -3.0, 9.0,   0.0,   18.0, -15.0, 10.0,  -4.0, -8.0, -10.0},
        {2.75, 0.75, 8.25, -5.25, -3.5, 7.75, -0.75, 4.75},
        {-2.0,  -5.0,  -8.5, -8.5, -8.5, 5.25, -5.0,  5.75, -8.5, 10.75, 5.25, 5.25, 5.75,
         -2.75, 10.75, -8.5, 5.25, -8.5, 4.0,  0.0,   3.5,  1.5,  3.0,   1.0,  0.0,  -4.0,
         1.5,   -8.75, 1.0,  1.75, -4.0, 3.0,  -8.75, 3.0,  1.75, 2.5,   1.25, 0.25, -0.75});
    check_pytorch<hc::conv_transpose2d<2, 4, hc::kernel<2>, hc::stride<2>, hc::groups<2>, hc::no_bias,
                                       hc::dilation<2>, hc::padding<1>, hc::output_padding<1>>>(
        extents{2, 2, 2},
        {0.0, 0.0, 0.0, 0.0, 0.0, -9.0, 0.0, 6.0,  0.0, 0.0, 0.0, 0.0, 0.0, 4.0,  0.0, -10.0,
         0.0, 0.0, 0.0, 0.0, 0.0, 26.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0,  0.0, -15.0,
         0.0, 0.0, 0.0, 0.0, 0.0, 9.0,  0.0, -9.0, 0.0, 0.0, 0.0, 0.0, 0.0, 12.0, 0.0, 0.0,
         0.0, 0.0, 0.0, 0.0, 0.0, 7.0,  0.0, -6.0, 0.0, 0.0, 0.0, 0.0, 0.0, 8.0,  0.0, 0.0},
        {3.5, 0.25, -0.25, 0.0, 1.0, 3.25, 1.75, -3.0},
        {-5.0, 0.75, -5.75, 6.0, -2.5, 2.25, -2.25, 6.0, 0.0, 0.0, 0.0, -1.25, 0.0, 2.0, -1.5, -0.25});
}

BOOST_AUTO_TEST_CASE(conv_transpose2d_works_in_networks_and_with_hooks) {
    check_network<hc::sequential<hc::named<"before", hc::conv2d<2, 3, hc::kernel<2>>>,
                                 hc::named<"layer", hc::conv_transpose2d<3, 2, hc::kernel<3>, hc::stride<2>>>,
                                 hc::sigmoid<>, hc::flatten<>>,
                  hc::image<2, 3, 3>>(5);
}

BOOST_AUTO_TEST_CASE(refuses_inputs_that_do_not_fit) {
    BOOST_CHECK_EXCEPTION((void)hc::zero_pad2d<1>::output_extents(extents{4}), hc::error,
                          says("hookcam::zero_pad2d: the input must be images"));
    using transpose = hc::conv_transpose2d<2, 3, hc::kernel<2>, hc::padding<1>>;
    BOOST_CHECK_EXCEPTION((void)transpose::output_extents(extents{4}), hc::error,
                          says("hookcam::conv_transpose2d: the input must be images"));
    BOOST_CHECK_EXCEPTION((void)transpose::output_extents(extents{3, 4, 4}), hc::error,
                          says("hookcam::conv_transpose2d: the input must have as many channels"));
    BOOST_CHECK_EXCEPTION((void)transpose::output_extents(extents{2, 1, 4}), hc::error,
                          says("hookcam::conv_transpose2d: the padding must leave at least one row"));
    BOOST_CHECK_EXCEPTION((void)hc::upsample<2>::output_extents(extents{4}), hc::error,
                          says("hookcam::upsample: the input must be images"));
}

BOOST_AUTO_TEST_CASE(a_layer_says_its_type_as_its_user_writes_it) {
    BOOST_TEST(hc::zero_pad2d<1>::type_name() == "zero_pad2d<1>");
    BOOST_TEST((hc::zero_pad2d<1, 2, 0, 4>::type_name()) == "zero_pad2d<1, 2, 0, 4>");
    BOOST_TEST((hc::upsample<2, hc::bilinear>::type_name()) == "upsample<2, bilinear>");
}
