#define BOOST_TEST_MODULE layers_norm
#include "layer_harness.hpp"

#include <hookcam/layers/batch_norm2d/batch_norm2d.hpp>
#include <hookcam/layers/batch_norm2d/batch_norm2d_reference.hpp>
#include <hookcam/layers/log_softmax/log_softmax.hpp>
#include <hookcam/layers/log_softmax/log_softmax_reference.hpp>
#include <hookcam/layers/softmax/softmax.hpp>
#include <hookcam/layers/softmax/softmax_reference.hpp>

#include <concepts>

namespace hc = hookcam;
using namespace harness;
using hc::batch_norm2d;
using hc::extents;
using hc::softmax;

namespace {

constexpr std::size_t batch = 3;

template <class T, class Layer>
void check_norm_reference(extents const& in, double eps) {
    bench<Layer, T> at{batch, in};
    at.fill(noise(at.x.size(), 1), 1);
    at.forward();
    at.backward();
    hc::kernels::batch_norm2d_parameters const sizes{batch, in[0], in[1] * in[2], eps};
    auto const x = widened(at.x);
    auto const grad_y = widened(at.grad_y);
    auto const own = widened(at.parameters);
    bool const is_affine = own.size() == 4 * in[0];
    auto const statistics = own.data() + (is_affine ? 2 * in[0] : 0);
    hc::kernels::batch_norm2d_tensors<double> const tensors{is_affine ? own.data() : nullptr,
                                                            is_affine ? own.data() + in[0] : nullptr,
                                                            statistics, statistics + in[0]};
    std::vector<double> y(x.size());
    std::vector<double> grad_x(x.size());
    hc::reference::batch_norm2d(sizes, tensors, x.data(), y.data());
    hc::reference::batch_norm2d_backward(sizes, tensors, grad_y.data(), grad_x.data());
    // A handful of operations on numbers up to 2 over a deviation of at least 0.7.
    check_near("y", at.y, y, rounding<T>(16));
    check_near("grad_x", at.grad_x, grad_x, rounding<T>(8));
    BOOST_TEST((at.forward_in_place() == at.y));
    if constexpr (Layer::is_affine) {
        at.backward_parameters();
        at.gradients.resize(2 * in[0]); // the statistics have none
        std::vector<double> gradients(2 * in[0]);
        hc::reference::batch_norm2d_backward_parameters(sizes, tensors, x.data(), grad_y.data(),
                                                        gradients.data(), gradients.data() + in[0]);
        check_near("gradients", at.gradients, gradients, rounding<T>(3 * batch * sizes.plane));
    }
}

template <class Layer>
void check_norm(extents const& in, double eps) {
    BOOST_TEST_CONTEXT(Layer::type_name()) {
        static_assert(is_free<Layer>());
        check_norm_reference<float, Layer>(in, eps);
        check_norm_reference<double, Layer>(in, eps);
        bench<Layer, double> at{batch, in};
        at.fill(noise(at.x.size(), 2), 2);
        check_differences(at);
    }
}

template <class T, class Layer, std::size_t Rank>
void check_softmax_reference(extents const& in) {
    bench<Layer, T, Rank> at{batch, in};
    at.fill(noise(at.x.size(), 1), 1);
    at.forward();
    at.backward();
    hc::kernels::softmax_parameters const sizes{batch, in[0], in.count() / in[0]};
    auto const x = widened(at.x);
    auto const grad_y = widened(at.grad_y);
    std::vector<double> y(x.size());
    std::vector<double> grad_x(x.size());
    if constexpr (std::same_as<Layer, softmax<>>) {
        hc::reference::softmax(sizes, x.data(), y.data());
        hc::reference::softmax_backward(sizes, y.data(), grad_y.data(), grad_x.data());
    } else {
        hc::reference::log_softmax(sizes, x.data(), y.data());
        hc::reference::log_softmax_backward(sizes, y.data(), grad_y.data(), grad_x.data());
    }
    check_near("y", at.y, y, rounding<T>(in[0]));
    check_near("grad_x", at.grad_x, grad_x, rounding<T>(in[0]));
    BOOST_TEST((at.forward_in_place() == at.y));
}

template <class Layer, std::size_t Rank>
void check_softmax(extents const& in) {
    BOOST_TEST_CONTEXT(Layer::type_name() << " on " << hc::to_string(in)) {
        static_assert(is_free<Layer>());
        check_softmax_reference<float, Layer, Rank>(in);
        check_softmax_reference<double, Layer, Rank>(in);
        bench<Layer, double, Rank> at{batch, in};
        at.fill(noise(at.x.size(), 2), 2);
        check_differences(at);
    }
}

} // namespace

// The order of PyTorch's state dict.
static_assert(std::same_as<batch_norm2d<4>::parameters,
                           hc::parameters<hc::initially_one<hc::parameter<"weight", 4>>,
                                          hc::parameter<"bias", 4>, hc::statistic<"running_mean", 4>,
                                          hc::initially_one<hc::statistic<"running_var", 4>>>>);
static_assert(batch_norm2d<4>::parameters::any_learned);
static_assert(!batch_norm2d<4, hc::no_affine>::parameters::any_learned);
static_assert(std::same_as<batch_norm2d<4>::ignored_entries,
                           hc::detail::list<hc::statistic<"num_batches_tracked", 1>>>);
static_assert(batch_norm2d<4>::epsilon == 1e-5);
static_assert(batch_norm2d<4>::output_extents(extents{hc::dynamic, 5, hc::dynamic}) ==
              extents{4, 5, hc::dynamic});
static_assert(softmax<>::output_extents(extents{10}) == extents{10});

BOOST_AUTO_TEST_CASE(batch_norm_agrees_with_the_reference_and_with_finite_differences) {
    check_norm<batch_norm2d<4>>(extents{4, 3, 5}, 1e-5);
    check_norm<batch_norm2d<3, hc::eps<0.25>>>(extents{3, 4, 2}, 0.25);
    check_norm<batch_norm2d<2, hc::no_affine>>(extents{2, 3, 3}, 1e-5);
}

BOOST_AUTO_TEST_CASE(batch_norm_agrees_with_pytorch) {
    // torch.nn.BatchNorm2d(2, eps=1e-3).eval() on whole numbers; the literals carry twelve digits.
    bench<batch_norm2d<2, hc::eps<1e-3>>, double> at{1, extents{2, 1, 3}};
    at.x = counted(6);
    at.parameters = {1.5, -0.5, 0.25, 1, 0.5, -1, 2, 0.25};
    at.forward();
    check_near(
        "y", at.y,
        {-5.582173083728, 1.840592659199, -2.400987765331, -4.988035880418, -0.996011960139, 2.996011960139},
        1e-12);
}

BOOST_AUTO_TEST_CASE(softmax_agrees_with_the_reference_and_with_finite_differences) {
    check_softmax<softmax<>, 1>(extents{10});
    check_softmax<softmax<>, 3>(extents{4, 3, 2});
    check_softmax<hc::log_softmax<>, 1>(extents{10});
    check_softmax<hc::log_softmax<>, 3>(extents{4, 3, 2});
}

BOOST_AUTO_TEST_CASE(softmax_agrees_with_pytorch) {
    // torch.softmax(x, 1): neither a thousand nor its negative overflows. The literals carry nine digits.
    bench<softmax<>, float, 1> large{2, extents{4}};
    large.x = {1, 2, 3, 1000, -1000, 0, 0, -1000};
    large.forward();
    check_near("y", large.y, {0, 0, 0, 1, 0, 0.5, 0.5, 0}, 0);
    bench<softmax<>, double> image{1, extents{2, 1, 3}};
    image.x = counted(6);
    image.forward();
    check_near("y", image.y,
               {4.5397869e-05, 0.73105857863, 0.73105857863, 0.999954602131, 0.26894142137, 0.26894142137},
               1e-11);
}

BOOST_AUTO_TEST_CASE(log_softmax_agrees_with_pytorch) {
    // torch.log_softmax(x, 1): where softmax would be zero it still has its logarithm. A float near a
    // thousand is rounded by up to 3e-5; the literals carry thirteen digits behind the point.
    bench<hc::log_softmax<>, float, 1> large{2, extents{4}};
    large.x = {1, 2, 3, 1000, -1000, 0, 0, -1000};
    large.forward();
    double const half = std::log(0.5);
    check_near("y", large.y, {-999, -998, -997, 0, -1000 + half, half, half, -1000 + half}, 6e-5);
    bench<hc::log_softmax<>, double> image{1, extents{2, 1, 3}};
    image.x = counted(6);
    image.grad_y = {1, -2, 3, 0.5, 0, -1};
    image.forward();
    image.backward();
    check_near("y", image.y,
               {-10.0000453988992, -0.3132616875182, -0.3132616875182, -4.53988992e-05, -1.3132616875182,
                -1.3132616875182},
               1e-12);
    check_near(
        "grad_x", image.grad_x,
        {0.9999319031969, -0.53788284274, 1.53788284274, -0.9999319031969, 0.53788284274, -1.53788284274},
        1e-12);
}

BOOST_AUTO_TEST_CASE(refuses_inputs_that_do_not_fit) {
    auto const says = [](std::string_view part) {
        return [part](hc::error const& e) { return std::string_view{e.what()}.find(part) == 0; };
    };
    BOOST_CHECK_EXCEPTION((void)batch_norm2d<4>::output_extents(extents{3, 5, 5}), hc::error,
                          says("hookcam::batch_norm2d: the input must have as many channels"));
    BOOST_CHECK_EXCEPTION((void)batch_norm2d<4>::output_extents(extents{4}), hc::error,
                          says("hookcam::batch_norm2d: the input must be images"));
}
