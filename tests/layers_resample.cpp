#define BOOST_TEST_MODULE layers_resample
#include "network_harness.hpp"

#include <hookcam/layers/upsample/upsample_reference.hpp>
#include <hookcam/layers/zero_pad2d/zero_pad2d_reference.hpp>

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

BOOST_AUTO_TEST_CASE(refuses_inputs_that_do_not_fit) {
    BOOST_CHECK_EXCEPTION((void)hc::zero_pad2d<1>::output_extents(extents{4}), hc::error,
                          says("hookcam::zero_pad2d: the input must be images"));
    BOOST_CHECK_EXCEPTION((void)hc::upsample<2>::output_extents(extents{4}), hc::error,
                          says("hookcam::upsample: the input must be images"));
}

BOOST_AUTO_TEST_CASE(a_layer_says_its_type_as_its_user_writes_it) {
    BOOST_TEST(hc::zero_pad2d<1>::type_name() == "zero_pad2d<1>");
    BOOST_TEST((hc::zero_pad2d<1, 2, 0, 4>::type_name()) == "zero_pad2d<1, 2, 0, 4>");
    BOOST_TEST((hc::upsample<2, hc::bilinear>::type_name()) == "upsample<2, bilinear>");
}
