// A whole model in the middle of a computation, and Grad-CAM written by hand.

#define BOOST_TEST_MODULE autograd_network
#include "expect_error.hpp"
#include "layer_harness.hpp"

#include <hookcam/autograd.hpp>
#include <hookcam/hookcam.hpp>

#include <algorithm>
#include <cmath>

namespace hc = hookcam;

namespace {

using net = hc::sequential<
    hc::named<"conv1", hc::conv2d<2, 4, hc::kernel<3>, hc::padding<1>>>, hc::relu<>,
    hc::named<"block",
              hc::residual<hc::sequential<hc::named<"conv2", hc::conv2d<4, 4, hc::kernel<3>, hc::padding<1>>>,
                                          hc::named<"norm", hc::batch_norm2d<4>>>>>,
    hc::relu<>, hc::concat<hc::max_pool2d<2>, hc::avg_pool2d<2>>, hc::flatten<>,
    hc::named<"fc", hc::linear<8 * 3 * 3, 5>>>;

template <class T>
hc::model<net, T> some_model() {
    hc::model<net, T> made;
    auto const numbers = harness::noise(made.size(), 1);
    std::transform(numbers.begin(), numbers.end(), made.data(),
                   [](double of) { return static_cast<T>(of / 2); });
    auto variances = made.parameter("block.norm.running_var");
    variances = 0.5 + variances * variances;
    return made;
}

template <class T>
xt::xtensor<T, 4> some_images() {
    auto made = xt::xtensor<T, 4>::from_shape({2, 2, 6, 6});
    auto const numbers = harness::noise(made.size(), 2);
    std::transform(numbers.begin(), numbers.end(), made.begin(),
                   [](double of) { return static_cast<T>(of); });
    return made;
}

template <class A, class B>
double largest_difference(A const& a, B const& b) {
    double most = a.size() == b.size() ? 0 : 1e30;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
        most = std::max(most, std::abs(static_cast<double>(a.data()[i]) - static_cast<double>(b.data()[i])));
    return most;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_model_in_the_middle_is_that_of_a_plan) {
    auto model = some_model<double>();
    auto const images = some_images<double>();
    auto plan = hc::plan(
        model, hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<"conv1">>>{});
    xt::xtensor<double, 2> const expected{plan.forward(images)};
    xt::xtensor<double, 2> ones = expected;
    std::fill(ones.begin(), ones.end(), 1.0);
    plan.backward(ones);

    auto const x = hc::variable{images};
    auto const y = apply(model, x);
    BOOST_TEST(largest_difference(y.value(), expected) < 1e-12);
    sum(y).backward();
    BOOST_TEST(largest_difference(x.grad(), plan.input_gradient()) < 1e-12);

    // With its parameters as variables.
    hc::parameter_variables const parameters{model};
    auto const again = hc::trace(parameters, x);
    auto const conv1 = again.activation<"conv1">();
    conv1.retain_grad();
    sum(again.output).backward();
    BOOST_TEST(largest_difference(conv1.grad(), plan.gradient<"conv1">()) < 1e-12);
    BOOST_TEST(largest_difference(parameters.get<4>("block.conv2.weight").grad(),
                                  plan.parameter_gradient("block.conv2.weight")) < 1e-12);
    BOOST_TEST(largest_difference(parameters.get<1>("block.norm.weight").grad(),
                                  plan.parameter_gradient("block.norm.weight")) < 1e-12);
    BOOST_TEST(largest_difference(parameters.get<1>("fc.bias").grad(), plan.parameter_gradient("fc.bias")) <
               1e-12);
    BOOST_TEST(!parameters.get<1>("block.norm.running_mean").has_grad());
    expect_error(hc::error_kind::use, {"hookcam::parameter_variables", "fc.weight (2 axes)"},
                 [&] { (void)parameters.get<2>("fc.wieght"); });
    // Writing to a leaf changes the model.
    parameters.get<1>("fc.bias").mutable_value() += 1.0;
    BOOST_TEST(std::abs(model(images)(0, 0) - expected(0, 0) - 1.0) < 1e-12);
}

BOOST_AUTO_TEST_CASE(grad_cam_by_hand_is_grad_cam) {
    auto const model = some_model<float>();
    auto const images = some_images<float>();
    auto const expected = hc::grad_cam<"conv1">(model, images, std::array{3, 1});
    auto const x = hc::constant(images);
    // The parameters are constant and so is the image: what is differentiated begins at the activation.
    auto const run = hc::trace(model, hc::variable{images});
    auto const activation = run.activation<"conv1">();
    auto const score = select<0>(select<0>(run.output, 0), 3) + select<0>(select<0>(run.output, 1), 1);
    auto const gradient = hc::grad(score, activation);
    auto const map = relu(sum<1>(mean<2, 3>(gradient, hc::keep_dims) * activation));
    BOOST_TEST(largest_difference(map.value(), expected.raw) < 1e-6);
}

BOOST_AUTO_TEST_CASE(a_score_for_grad_cam_is_an_expression) {
    auto const model = some_model<float>();
    auto const images = some_images<float>();
    // The margin of the target over the rest, written down.
    auto const margin = hc::variable_score{[](auto const& output, std::size_t target) {
        return 2.0F * select<0>(output, static_cast<std::ptrdiff_t>(target)) - logsumexp(output);
    }};
    auto look =
        hc::plan(model, hc::scored_grad_cam_request<std::remove_const_t<decltype(margin)>, "conv1">{margin});
    auto const& cam = look(images, std::array{3, 1});
    // The same gradient by hand.
    auto const run = hc::trace(model, hc::variable{images});
    auto const score =
        2.0F * (select<0>(select<0>(run.output, 0), 3) + select<0>(select<0>(run.output, 1), 1)) -
        sum(logsumexp<1>(run.output));
    auto const activation = run.activation<"conv1">();
    auto const map = relu(sum<1>(mean<2, 3>(hc::grad(score, activation), hc::keep_dims) * activation));
    BOOST_TEST(largest_difference(map.value(), cam.raw) < 1e-6);
}
