// Every layer as an operation on variables, against finite differences of first and second order. A function is kept as
// one of few types, so that what compares it is compiled once for each of these.

#define BOOST_TEST_MODULE autograd_apply
#include "autograd_harness.hpp"
#include "expect_error.hpp"
#include "xtensor.hpp"

#include <hookcam/hookcam.hpp>

#include <functional>

namespace hc = hookcam;
using harness::apart;
using harness::positive;
using harness::some;

namespace {

using hc::functional::apply;
template <std::size_t Rank>
using tensor = hc::variable<double, Rank>;

/// Of images; with a weight and a bias for each channel; with those of a transposed convolution.
using of_images = std::function<tensor<4>(tensor<4> const&)>;
using of_channels = std::function<tensor<4>(tensor<4> const&, tensor<1> const&, tensor<1> const&)>;
using of_windows = std::function<tensor<4>(tensor<4> const&, tensor<4> const&, tensor<1> const&)>;
/// Of feature vectors.
using of_features = std::function<tensor<2>(tensor<2> const&)>;
using of_norms = std::function<tensor<2>(tensor<2> const&, tensor<1> const&, tensor<1> const&)>;

/// Squares what comes out, so that what is linear or made of pieces has a second derivative too.
template <class Result, class... Inputs, class... Tensors>
void check_twice(char const* what, std::function<Result(Inputs const&...)> const& function,
                 Tensors const&... inputs) {
    std::function<Result(Inputs const&...)> const squared = [&function](Inputs const&... x) {
        auto const y = function(x...);
        return y * y;
    };
    harness::check_both(what, squared, inputs...);
}

auto constants(std::initializer_list<double> values) {
    auto made = xt::xtensor<double, 1>::from_shape({values.size()});
    std::copy(values.begin(), values.end(), made.data());
    return hc::constant(made);
}

} // namespace

BOOST_AUTO_TEST_CASE(activations) {
    std::pair<char const*, of_images> const all[]{
        {"relu", [](auto const& x) { return apply<hc::relu<>>(x); }},
        {"relu6", [](auto const& x) { return apply<hc::relu6<>>(x * 8.0); }},
        {"leaky_relu", [](auto const& x) { return apply<hc::leaky_relu<>>(x); }},
        {"leaky_relu, rising below zero",
         [](auto const& x) { return apply<hc::leaky_relu<hc::negative_slope<-0.5>>>(x); }},
        {"elu", [](auto const& x) { return apply<hc::elu<hc::alpha<0.7>>>(x); }},
        {"sigmoid", [](auto const& x) { return apply<hc::sigmoid<>>(x); }},
        {"tanh", [](auto const& x) { return apply<hc::tanh<>>(x); }},
        {"silu", [](auto const& x) { return apply<hc::silu<>>(x); }},
        {"gelu", [](auto const& x) { return apply<hc::gelu<>>(x); }},
        {"gelu by tanh", [](auto const& x) { return apply<hc::gelu<hc::tanh_approximation>>(x); }},
        {"hardswish", [](auto const& x) { return apply<hc::hardswish<>>(x * 5.0); }},
        {"softmax", [](auto const& x) { return apply<hc::softmax<>>(x); }},
        {"log_softmax", [](auto const& x) { return apply<hc::log_softmax<>>(x); }},
    };
    std::uint32_t seed = 1;
    for (auto const& [what, function] : all)
        check_twice(what, function, apart(seed++, 1, 3, 2, 2));
}

BOOST_AUTO_TEST_CASE(pooling_and_shapes) {
    std::pair<char const*, of_images> const all[]{
        {"max_pool2d", [](auto const& x) { return apply<hc::max_pool2d<2>>(x); }},
        {"max_pool2d, overlapping",
         [](auto const& x) { return apply<hc::max_pool2d<3, hc::stride<1>, hc::padding<1>>>(x); }},
        {"avg_pool2d", [](auto const& x) { return apply<hc::avg_pool2d<2>>(x); }},
        {"adaptive_avg_pool2d", [](auto const& x) { return apply<hc::adaptive_avg_pool2d<3, 2>>(x); }},
        {"adaptive_max_pool2d", [](auto const& x) { return apply<hc::adaptive_max_pool2d<3, 2>>(x); }},
        {"global_avg_pool2d", [](auto const& x) { return apply<hc::global_avg_pool2d<>>(x); }},
        {"global_max_pool2d", [](auto const& x) { return apply<hc::global_max_pool2d<>>(x); }},
        {"zero_pad2d", [](auto const& x) { return apply<hc::zero_pad2d<1, 0, 2, 1>>(x); }},
        {"pad_shortcut", [](auto const& x) { return apply<hc::pad_shortcut<2, 4>>(x); }},
        {"upsample", [](auto const& x) { return apply<hc::upsample<2>>(x); }},
        {"upsample, bilinear", [](auto const& x) { return apply<hc::upsample<2, hc::bilinear>>(x); }},
        {"identity", [](auto const& x) { return apply<hc::identity<>>(x); }},
        {"dropout", [](auto const& x) { return apply<hc::dropout<>>(x); }},
        {"flatten", [](auto const& x) { return reshape(apply<hc::flatten<>>(x), 1, 2, 4, 4); }},
    };
    std::uint32_t seed = 20;
    for (auto const& [what, function] : all)
        check_twice(what, function, apart(seed++, 1, 2, 4, 4));
    harness::check_gradients("lp_pool2d",
                             of_images{[](auto const& x) { return apply<hc::lp_pool2d<2, 2>>(x); }},
                             apart(40, 1, 2, 4, 4));
}

BOOST_AUTO_TEST_CASE(norms) {
    auto const mean = constants({0.1, -0.2, 0.3, 0.0}), variance = constants({1.5, 0.5, 0.7, 2.0});
    std::pair<char const*, of_channels> const affine[]{
        {"batch_norm2d",
         [&](auto const& x, auto const& weight, auto const& bias) {
             return apply<hc::batch_norm2d<4>>(x, weight, bias, mean, variance);
         }},
        {"group_norm", [](auto const& x, auto const& weight,
                          auto const& bias) { return apply<hc::group_norm<2, 4>>(x, weight, bias); }},
        {"instance_norm2d, affine",
         [](auto const& x, auto const& weight, auto const& bias) {
             return apply<hc::instance_norm2d<4, hc::affine>>(x, weight, bias);
         }},
    };
    for (auto const& [what, function] : affine)
        check_twice(what, function, some(1, 2, 4, 2, 2), some(2, 4), some(3, 4));
    std::pair<char const*, of_images> const plain[]{
        {"batch_norm2d, not affine",
         [&](auto const& x) { return apply<hc::batch_norm2d<4, hc::no_affine>>(x, mean, variance); }},
        {"group_norm, not affine",
         [](auto const& x) { return apply<hc::group_norm<2, 4, hc::no_affine>>(x); }},
        {"instance_norm2d", [](auto const& x) { return apply<hc::instance_norm2d<4>>(x); }},
        {"layer_norm of images",
         [](auto const& x) { return apply<hc::layer_norm<hc::image<4, 2, 2>, hc::no_affine>>(x); }},
    };
    for (auto const& [what, function] : plain)
        check_twice(what, function, some(4, 2, 4, 2, 2));
    std::pair<char const*, of_norms> const vectors[]{
        {"batch_norm1d",
         [&](auto const& x, auto const& weight, auto const& bias) {
             return apply<hc::batch_norm1d<4>>(x, weight, bias, mean, variance);
         }},
        {"layer_norm",
         [](auto const& x, auto const& weight, auto const& bias) {
             return apply<hc::layer_norm<hc::features<4>>>(x, weight, bias);
         }},
    };
    for (auto const& [what, function] : vectors)
        check_twice(what, function, some(5, 3, 4), some(6, 4), some(7, 4));
}

BOOST_AUTO_TEST_CASE(convolutions_and_linear) {
    using convolution = hc::conv2d<2, 4, hc::kernel<3, 2>, hc::stride<2>, hc::padding<1, 0>, hc::groups<2>>;
    check_twice("conv2d", of_windows{[](auto const& x, auto const& weight, auto const& bias) {
                    return apply<convolution>(x, weight, bias);
                }},
                some(1, 2, 2, 4, 5), some(2, 4, 1, 3, 2), some(3, 4));
    using transposed = hc::conv_transpose2d<2, 4, hc::kernel<3, 2>, hc::stride<2>, hc::padding<1, 0>,
                                            hc::output_padding<1, 0>, hc::groups<2>>;
    check_twice("conv_transpose2d", of_windows{[](auto const& x, auto const& weight, auto const& bias) {
                    return apply<transposed>(x, weight, bias);
                }},
                some(4, 1, 2, 3, 2), some(5, 2, 2, 3, 2), some(6, 4));
    // As the layer itself computes it.
    auto const weight = some(7, 2, 2, 3, 2);
    auto const bias = some(8, 4);
    hc::model<hc::sequential<transposed>, double> model;
    std::copy(weight.begin(), weight.end(), model.data());
    std::copy(bias.begin(), bias.end(), model.data() + weight.size());
    auto const x = some(9, 2, 2, 3, 2);
    auto const expected = model(x);
    auto const made = apply<transposed>(hc::constant(x), hc::constant(weight), hc::constant(bias));
    double worst = 0;
    for (std::size_t i = 0; i < made.size(); ++i)
        worst = std::max(worst, std::abs(made.value().data()[i] - expected.data()[i]));
    BOOST_TEST(worst < 1e-14);
    check_twice(
        "linear",
        std::function<tensor<2>(tensor<2> const&, tensor<2> const&, tensor<1> const&)>{
            [](auto const& in, auto const& w, auto const& b) { return apply<hc::linear<3, 2>>(in, w, b); }},
        some(10, 2, 3), some(11, 2, 3), some(12, 2));
}

BOOST_AUTO_TEST_CASE(a_penalty_on_the_gradient_of_a_whole_model_has_a_gradient) {
    using network = hc::sequential<hc::named<"conv", hc::conv2d<1, 2, hc::kernel<3>, hc::padding<1>>>,
                                   hc::named<"norm", hc::batch_norm2d<2>>, hc::silu<>, hc::max_pool2d<2>,
                                   hc::flatten<>, hc::named<"fc", hc::linear<8, 3>>>;
    hc::model<network, double> model;
    hc::parameter_variables const parameters{model};
    auto weight = parameters.get<4>("conv.weight");
    weight.mutable_value() = some(1, 2, 1, 3, 3);
    parameters.get<2>("fc.weight").mutable_value() = some(2, 3, 8);
    auto const image = some(3, 2, 1, 4, 4);
    auto const penalty = [&] {
        auto const x = hc::variable{image};
        auto const gradient = hc::grad(sum(square(apply(parameters, x))), x, {.create_graph = true});
        return sum(square(sqrt(sum<1, 2, 3>(square(gradient))) - 1.0));
    };
    penalty().backward();
    std::vector<double> const found{weight.grad().begin(), weight.grad().end()};
    harness::compare_with_differences("penalty", [&] { return penalty().item(); },
                                      {{weight.mutable_value().data(), weight.size()}}, {found});
}

BOOST_AUTO_TEST_CASE(parameters_must_have_the_layers_shapes) {
    expect_error(hc::error_kind::shape, {"hookcam::functional::apply: the parameters of linear<3, 2>"}, [] {
        (void)apply<hc::linear<3, 2>>(tensor<2>{some(1, 2, 3)}, tensor<2>{some(2, 3, 2)},
                                      tensor<1>{some(3, 2)});
    });
    expect_error(hc::error_kind::shape, {"hookcam::functional::apply: the parameters of linear<3, 2>"}, [] {
        (void)apply<hc::linear<3, 2>>(tensor<2>{some(1, 2, 3)}, tensor<2>{some(2, 2, 3)},
                                      tensor<1>{some(3, 1)});
    });
}

BOOST_AUTO_TEST_CASE(a_layer_that_cannot_be_differentiated_twice_is_refused_by_name) {
    tensor<4> x{apart(1, 1, 1, 4, 4)};
    auto const y = apply<hc::lp_pool2d<2, 2>>(x);
    BOOST_TEST(y.operation() == "lp_pool2d<2, 2>");
    expect_error(hc::error_kind::use,
                 {"hookcam::grad: the operations must be differentiable twice for create_graph, but "
                  "lp_pool2d<2, 2> is not; leave it out of the graph"},
                 [&] { (void)hc::grad(sum(y), x, {.create_graph = true}); });
    // And so is what a value changed in place would make wrong.
    x.mutable_value() += 1.0;
    expect_error(hc::error_kind::use, {"a value that the backward of lp_pool2d<2, 2> reads"},
                 [&] { (void)hc::grad(sum(y), x); });
}
