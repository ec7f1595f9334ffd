#define BOOST_TEST_MODULE linear_zeros
#include "layer_harness.hpp"
#include "xtensor.hpp"

#include <hookcam/hookcam.hpp>
#include <hookcam/layers/linear/linear_reference.hpp>
#include <hookcam/layers/max_pool2d/max_pool2d_reference.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// Where a ReLU in front drops the gradient at a zero anyway, a fully connected layer does not compute it for one image.
// Who looks in between sees all of it, and no other bit changes.

namespace hc = hookcam;
using namespace harness;

namespace {

using network = hc::sequential<hc::named<"conv", hc::conv2d<2, 6, hc::kernel<3>, hc::padding<1>>>,
                               hc::named<"relu", hc::relu<>>, hc::named<"pool", hc::max_pool2d<2>>,
                               hc::named<"flat", hc::flatten<>>, hc::named<"fc1", hc::linear<6 * 4 * 3, 40>>,
                               hc::named<"relu2", hc::relu<>>, hc::named<"fc2", hc::linear<40, 5>>>;

/// The same with a place to look behind the ReLU.
using tapped_network = hc::sequential<hc::named<"conv", hc::conv2d<2, 6, hc::kernel<3>, hc::padding<1>>>,
                                      hc::relu<>, hc::tap<"t">, hc::named<"pool", hc::max_pool2d<2>>,
                                      hc::flatten<>, hc::named<"fc1", hc::linear<6 * 4 * 3, 40>>, hc::relu<>,
                                      hc::named<"fc2", hc::linear<40, 5>>>;

template <class Network = network>
hc::model<Network> noisy(std::uint32_t seed) {
    hc::model<Network> model;
    auto const values = noise(model.size(), seed);
    std::transform(values.begin(), values.end(), model.data(),
                   [](double v) { return static_cast<float>(v); });
    // Bits below zero: so that whole windows of the pooling are zero.
    for (auto& number : model.parameter("conv.bias"))
        number -= 1.5F;
    return model;
}

xt::xtensor<float, 4> picture(std::uint32_t seed, std::size_t batch = 1) {
    auto x = xt::xtensor<float, 4>::from_shape({batch, 2, 8, 6});
    auto const values = noise(x.size(), seed);
    std::copy(values.begin(), values.end(), x.data());
    return x;
}

template <class View>
std::vector<float> numbers(View const& of) {
    return {of.begin(), of.end()};
}

xt::xtensor<float, 2> slope(std::vector<float> const& of) {
    auto made = xt::xtensor<float, 2>::from_shape({1, of.size()});
    std::copy(of.begin(), of.end(), made.data());
    return made;
}

template <class Plan>
std::vector<float> gradient_of_input(Plan&& plan, xt::xtensor<float, 4> const& x,
                                     xt::xtensor<float, 2> const& grad) {
    plan.forward(x);
    plan.backward(grad);
    return numbers(plan.input_gradient());
}

using request = hc::with_input_gradient<hc::gradients_request<>>;

BOOST_AUTO_TEST_CASE(whoever_watches_no_bit_changes) {
    auto const model = noisy(1);
    for (std::uint32_t seed = 2; seed < 6; ++seed) {
        auto const x = picture(seed);
        // One class, and all of them: a gradient with one number that is not zero goes another way.
        for (auto const& grad : {slope({0, 0, 1, 0, 0}), slope({1, -2, 3, 0.5F, -1})}) {
            auto const expected = gradient_of_input(hc::plan(model, request{}), x, grad);
            BOOST_TEST(std::any_of(expected.begin(), expected.end(), [](float v) { return v != 0; }));
            auto const check = [&]<hc::fixed_string Path>(hc::path_list<Path>) {
                BOOST_TEST_CONTEXT(Path.view()) {
                    std::vector<float> seen;
                    auto const watched = hc::attach<Path>(
                        model, hc::on_backward([&](auto const&, auto const& grad_input, auto const&) {
                            seen = numbers(grad_input);
                        }));
                    BOOST_TEST((gradient_of_input(hc::plan(watched, request{}), x, grad) == expected));
                    BOOST_TEST(!seen.empty());
                    using kept = hc::with_input_gradient<hc::gradients_request<Path>>;
                    BOOST_TEST((gradient_of_input(hc::plan(model, kept{}), x, grad) == expected));
                }
            };
            check(hc::path_list<"conv">{});
            check(hc::path_list<"relu">{});
            check(hc::path_list<"pool">{});
            check(hc::path_list<"flat">{});
            check(hc::path_list<"fc1">{});
            check(hc::path_list<"relu2">{});
        }
    }
}

/// What is watched, or asked for, between the ReLU and the layer is the whole gradient, at zeros too.
BOOST_AUTO_TEST_CASE(who_looks_in_between_sees_the_gradient_at_zeros) {
    auto const model = noisy(7);
    auto const x = picture(8);
    auto const grad = slope({1, -2, 3, 0.5F, -1});
    std::vector<float> of_hook, y2;
    std::vector<float> in;
    auto const watched = hc::attach<"fc1">(
        model, hc::on_forward([&](auto const&, auto const& input, auto const&) { in = numbers(input); }),
        hc::on_backward(
            [&](auto const&, auto const& grad_input, auto const&) { of_hook = numbers(grad_input); }));
    static_cast<void>(gradient_of_input(hc::plan(watched, request{}), x, grad));

    auto of_path = hc::plan(model, hc::gradients_request<"flat", "fc1">{});
    of_path.forward(x);
    of_path.backward(grad);
    auto const asked = numbers(of_path.gradient<"flat">());
    auto const slopes = numbers(of_path.gradient<"fc1">());
    BOOST_TEST((asked == of_hook));

    auto const open = hc::with_runtime_hooks(model);
    std::vector<float> of_runtime_hook;
    auto const handle = open.at("fc1").register_backward_hook(
        [&](auto const&, auto const& grad_input, auto const&) { of_runtime_hook = numbers(grad_input); });
    static_cast<void>(gradient_of_input(hc::plan(open, request{}), x, grad));
    BOOST_TEST((of_runtime_hook == of_hook));

    auto const weight = numbers(model.parameter("fc1.weight"));
    std::vector<double> expected(in.size());
    hc::reference::linear_backward(std::size_t{1}, in.size(), slopes.size(),
                                   std::vector<double>(slopes.begin(), slopes.end()).data(),
                                   std::vector<double>(weight.begin(), weight.end()).data(), expected.data());
    check_near("grad_input", of_hook, expected, 10 * rounding<float>(slopes.size()));
    std::size_t at_zeros = 0;
    for (std::size_t i = 0; i < in.size(); ++i)
        at_zeros += in[i] == 0 && of_hook[i] != 0;
    BOOST_TEST(at_zeros > 0U);
}

/// What a plan was asked for behind the ReLU, in front of the pooling or behind it, is the whole gradient too.
BOOST_AUTO_TEST_CASE(a_gradient_asked_for_behind_the_relu_is_there_at_zeros) {
    auto const model = noisy<tapped_network>(12);
    auto const x = picture(13);
    auto const grad = slope({1, -2, 3, 0.5F, -1});
    auto const gradient = [&]<hc::fixed_string Path>(hc::path_list<Path>) {
        auto plan = hc::plan(model, hc::gradients_request<Path>{});
        plan.forward(x);
        plan.backward(grad);
        return numbers(plan.template gradient<Path>());
    };
    auto const at_tap = gradient(hc::path_list<"t">{});
    auto const at_pool = gradient(hc::path_list<"pool">{});
    auto const slopes = gradient(hc::path_list<"fc1">{});

    auto look = hc::plan(model, hc::activations_request<"t", "pool">{});
    look.forward(x);
    auto const behind_relu = widened(numbers(look.activation<"t">()));
    auto const pooled = widened(numbers(look.activation<"pool">()));

    hc::kernels::pool2d_parameters pool{{6, 8, 6, 4, 3}, {}, {}};
    pool.rows = pool.columns = {2, 2};
    std::vector<double> expected_at_pool(pooled.size()), expected_at_tap(behind_relu.size());
    hc::reference::linear_backward(std::size_t{1}, pooled.size(), slopes.size(), widened(slopes).data(),
                                   widened(numbers(model.parameter("fc1.weight"))).data(),
                                   expected_at_pool.data());
    hc::reference::max_pool2d_backward(pool, behind_relu.data(), pooled.data(), expected_at_pool.data(),
                                       expected_at_tap.data());
    auto const tolerance = 10 * rounding<float>(slopes.size());
    check_near("at the pooling", at_pool, expected_at_pool, tolerance);
    check_near("at the tap", at_tap, expected_at_tap, tolerance);
    std::size_t at_zeros = 0;
    for (std::size_t i = 0; i < at_tap.size(); ++i)
        at_zeros += behind_relu[i] == 0 && at_tap[i] != 0;
    BOOST_TEST(at_zeros > 0U);
}

/// A layer between the ReLU and the linear one may make zeros that the ReLU let pass: there nothing may be left out.
BOOST_AUTO_TEST_CASE(a_zero_that_the_relu_did_not_make_has_its_gradient) {
    using shifted = hc::sequential<hc::relu<>, hc::named<"norm", hc::batch_norm2d<3>>, hc::flatten<>,
                                   hc::named<"fc", hc::linear<12, 9>>>;
    hc::model<shifted> model;
    auto const values = noise(model.size(), 14);
    std::copy(values.begin(), values.end(), model.data());
    auto const fill = [&](char const* key, float value) {
        auto parameter = model.parameter(key);
        std::fill(parameter.begin(), parameter.end(), value);
    };
    fill("norm.weight", 2);
    fill("norm.bias", 0);
    fill("norm.running_mean", 1);
    fill("norm.running_var", 1);
    auto x = xt::xtensor<float, 4>::from_shape({1, 3, 2, 2});
    x.fill(1);
    std::vector<float> input;
    auto const watched = hc::attach<"fc">(
        model, hc::on_forward([&](auto const&, auto const& in, auto const&) { input = numbers(in); }));
    static_cast<void>(watched(x));
    BOOST_TEST((input == std::vector<float>(12)));

    auto const found = gradient_of_input(hc::plan(model, request{}), x, slope({1, 2, 3, 4, 5, 6, 7, 8, 9}));
    BOOST_TEST(std::none_of(found.begin(), found.end(), [](float v) { return v == 0; }));
}

/// Nothing is left out behind a layer that is no ReLU.
BOOST_AUTO_TEST_CASE(without_a_relu_in_front_all_of_the_gradient_is_there) {
    using plain = hc::sequential<hc::flatten<>, hc::named<"fc", hc::linear<12, 9>>>;
    hc::model<plain> model;
    auto const values = noise(model.size(), 9);
    std::copy(values.begin(), values.end(), model.data());
    auto x = xt::xtensor<float, 4>::from_shape({1, 3, 2, 2});
    x.fill(0);
    auto plan = hc::plan(model, request{});
    plan.forward(x);
    plan.backward(slope({1, 2, 3, 4, 5, 6, 7, 8, 9}));
    auto const found = numbers(plan.input_gradient());
    BOOST_TEST(std::none_of(found.begin(), found.end(), [](float v) { return v == 0; }));
}

/// Parameters that change are packed again for the backward pass too.
BOOST_AUTO_TEST_CASE(changed_weights_are_seen) {
    auto model = noisy(10);
    auto const x = picture(11);
    auto const grad = slope({1, -2, 3, 0.5F, -1});
    auto plan = hc::plan(model, request{});
    auto const before = gradient_of_input(plan, x, grad);
    for (auto& number : model.parameter("fc1.weight"))
        number *= 1.25F;
    auto const after = gradient_of_input(plan, x, grad);
    BOOST_TEST((after != before));
    BOOST_TEST((after == gradient_of_input(hc::plan(model, request{}), x, grad)));
}

} // namespace
