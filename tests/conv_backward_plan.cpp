#define BOOST_TEST_MODULE conv_backward_plan
#include "layer_harness.hpp"
#include "xtensor.hpp"

#include <hookcam/hookcam.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// The backward of convolutions over blocked channels, in plans: against finite differences, and the same bits whoever
// watches and whatever is known by type.

namespace hc = hookcam;
using namespace harness;

namespace {

using direct = hc::algorithm<hc::method::direct>;

template <class T, std::size_t Rank>
xt::xtensor<T, Rank> filled(std::array<std::size_t, Rank> const& shape, std::uint32_t seed) {
    auto made = xt::xtensor<T, Rank>::from_shape(shape);
    auto const values = noise(made.size(), seed);
    std::copy(values.begin(), values.end(), made.data());
    return made;
}

template <class Model>
void fill_with_noise(Model& model, std::uint32_t seed) {
    for (auto const& entry : model.entries()) {
        auto values = noise(entry.size, ++seed);
        if (entry.key.ends_with("running_var")) // batch norm takes the root of a variance
            for (auto& value : values)
                value = std::abs(value) + 0.5;
        std::transform(values.begin(), values.end(), entry.data,
                       [](double v) { return static_cast<typename Model::value_type>(v); });
    }
}

template <class View>
auto numbers(View const& of) {
    return std::vector<std::remove_cv_t<typename View::value_type>>(of.begin(), of.end());
}

/// Odd sizes, a stride, a batch norm, a pooling, a residual, channels that fill no block, groups of two lanes.
using network = hc::sequential<
    hc::named<"conv1", hc::conv2d<2, 5, hc::kernel<3>, hc::padding<1>, direct>>,
    hc::named<"bn1", hc::batch_norm2d<5>>, hc::named<"relu1", hc::relu<>>,
    hc::named<"pool1", hc::max_pool2d<2, hc::stride<1>>>,
    hc::named<"block",
              hc::residual<hc::sequential<
                  hc::named<"conv2", hc::conv2d<5, 5, hc::kernel<3>, hc::padding<1>, hc::no_bias, direct>>,
                  hc::named<"bn2", hc::batch_norm2d<5>>>>>,
    hc::named<"relu2", hc::relu<>>,
    hc::named<"conv3", hc::conv2d<5, 18, hc::kernel<3>, hc::stride<2>, direct>>, hc::relu<>,
    hc::named<"groups", hc::conv2d<18, 18, hc::kernel<3>, hc::padding<1>, hc::groups<9>, direct>>,
    hc::named<"sigmoid", hc::sigmoid<>>, hc::flatten<>, hc::named<"fc", hc::linear<18 * 3 * 2, 3>>>;
using shape = hc::image<2, 9, 7>;
using everything = hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<>>>;

template <class T>
auto pictures(std::size_t batch, std::uint32_t seed) {
    return filled<T, 4>({batch, 2, 9, 7}, seed);
}

/// All gradients of a plan, one behind the other.
template <class Plan>
auto all_gradients(Plan& plan) {
    auto all = numbers(plan.input_gradient());
    for (auto const* key : {"conv1.weight", "conv1.bias", "bn1.weight", "block.conv2.weight", "conv3.weight",
                            "conv3.bias", "groups.weight", "fc.weight"}) {
        auto const of_parameter = numbers(plan.parameter_gradient(key));
        all.insert(all.end(), of_parameter.begin(), of_parameter.end());
    }
    return all;
}

/// With steps of 1e-6 the rounding of a sum of about 10 leaves 1e-9, and steps that cross a kink of a ReLU or a maximum
/// are few: a kink must be nearer than 1e-6.
BOOST_AUTO_TEST_CASE(gradients_agree_with_finite_differences) {
    constexpr double step = 1e-6;
    constexpr double bound = 1e-7;
    hc::model<network, double> model;
    fill_with_noise(model, 1);
    auto x = pictures<double>(2, 2);
    auto const slope = filled<double, 2>({2, 3}, 3);
    auto plan = hc::plan<shape>(model, everything{});
    plan.forward(x);
    plan.backward(slope);
    auto const value = [&] {
        auto const y = plan.forward(x);
        double sum = 0;
        for (std::size_t i = 0; i < y.size(); ++i)
            sum += y.data()[i] * slope.data()[i];
        return sum;
    };
    auto const difference = [&](double& at) {
        double const before = at;
        at = before + step;
        double const above = value();
        at = before - step;
        double const below = value();
        at = before;
        return (above - below) / (2 * step);
    };
    auto const of_input = numbers(plan.input_gradient());
    std::vector<double> expected;
    for (std::size_t i = 0; i < x.size(); ++i)
        expected.push_back(difference(x.data()[i]));
    check_near("input", of_input, expected, bound);
    for (auto const* key : {"conv1.weight", "conv1.bias", "block.conv2.weight", "conv3.weight", "conv3.bias",
                            "groups.weight"}) {
        plan.forward(x);
        plan.backward(slope);
        auto const found = numbers(plan.parameter_gradient(key));
        auto parameter = model.parameter(key);
        expected.clear();
        for (std::size_t i = 0; i < parameter.size(); ++i) {
            plan.refresh(); // the view was taken before
            auto& number = parameter.data()[i];
            double const before = number;
            number = before + step;
            double const above = value();
            plan.refresh();
            number = before - step;
            double const below = value();
            number = before;
            expected.push_back((above - below) / (2 * step));
        }
        plan.refresh();
        check_near(key, found, expected, bound);
    }
}

template <class Plan>
auto run(Plan&& plan, xt::xtensor<float, 4> const& x) {
    plan.forward(x);
    plan.backward(filled<float, 2>({x.shape()[0], 3}, 5));
    return all_gradients(plan);
}

BOOST_AUTO_TEST_CASE(whoever_watches_no_bit_changes) {
    hc::model<network> model;
    fill_with_noise(model, 4);
    auto const x = pictures<float>(3, 6);
    auto const expected = run(hc::plan(model, everything{}), x);
    BOOST_TEST((run(hc::plan<shape>(model, everything{}), x) == expected));

    auto const check = [&]<hc::fixed_string Path>(hc::path_list<Path>) {
        BOOST_TEST_CONTEXT("at " << Path.view()) {
            std::vector<float> grad_in, grad_out;
            auto const watched = hc::attach<Path>(
                model, hc::on_forward([](auto const&, auto const&, auto const&) {}),
                hc::on_backward([&](auto const&, auto const& grad_input, auto const& grad_output) {
                    grad_in = numbers(grad_input);
                    grad_out = numbers(grad_output);
                }));
            BOOST_TEST((run(hc::plan(watched, everything{}), x) == expected));
            using kept = hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<Path>>>;
            auto plan = hc::plan(model, kept{});
            BOOST_TEST((run(plan, x) == expected));
            // What the hook saw is what the plan keeps.
            BOOST_TEST(!grad_out.empty());
            BOOST_TEST((numbers(plan.template gradient<Path>()) == grad_out));
        }
    };
    check(hc::path_list<"conv1">{});
    check(hc::path_list<"bn1">{});
    check(hc::path_list<"relu1">{});
    check(hc::path_list<"pool1">{});
    check(hc::path_list<"block">{});
    check(hc::path_list<"block.conv2">{});
    check(hc::path_list<"block.bn2">{});
    check(hc::path_list<"relu2">{});
    check(hc::path_list<"conv3">{});
    check(hc::path_list<"groups">{});

    auto open = hc::with_runtime_hooks(model);
    std::size_t seen = 0;
    for (auto const* path : {"conv1", "relu1", "block.conv2", "block", "conv3"})
        open.at(path).register_backward_hook(
            [&](auto const&, auto const& grad_input, auto const& grad_output) {
                seen += grad_input.size() + grad_output.size();
            });
    BOOST_TEST((run(hc::plan(open, everything{}), x) == expected));
    BOOST_TEST(seen != 0U);
}

/// Without gradients of parameters batch norms are fused, and gradients travel in blocks: the same bits again.
BOOST_AUTO_TEST_CASE(gradients_that_travel_in_blocks_have_the_same_bits) {
    hc::model<network> model;
    fill_with_noise(model, 12);
    auto const x = pictures<float>(2, 13);
    auto const slope = filled<float, 2>({2, 3}, 14);
    auto all = hc::plan(model, everything{});
    all.forward(x);
    all.backward(slope);
    auto const expected = numbers(all.input_gradient());
    auto const check = [&](auto request) {
        auto plan = hc::plan(model, request);
        plan.forward(x);
        plan.backward(slope);
        BOOST_TEST((numbers(plan.input_gradient()) == expected));
        auto const steps = plan.steps();
        return std::count_if(steps.begin(), steps.end(),
                             [](std::string const& step) { return step.starts_with("gradient to "); });
    };
    using none = hc::with_input_gradient<hc::gradients_request<>>;
    auto const copies = check(none{});
    BOOST_TEST(check(hc::with_input_gradient<hc::gradients_request<"block.bn2">>{}) > copies);
    check(hc::with_input_gradient<hc::gradients_request<"bn1", "relu1", "pool1">>{});
    check(hc::with_input_gradient<hc::gradients_request<"block", "relu2">>{});
}

BOOST_AUTO_TEST_CASE(an_image_has_the_gradient_that_it_has_alone) {
    hc::model<network> model;
    fill_with_noise(model, 7);
    auto const x = pictures<float>(2, 8);
    auto const slope = filled<float, 2>({2, 3}, 9);
    using request = hc::with_input_gradient<hc::gradients_request<>>;
    auto both = hc::plan(model, request{});
    both.forward(x);
    both.backward(slope);
    auto const of_both = numbers(both.input_gradient());
    auto one = hc::plan(model, request{});
    xt::xtensor<float, 4> const second = xt::view(x, xt::range(1, 2), xt::all(), xt::all(), xt::all());
    xt::xtensor<float, 2> const its_slope = xt::view(slope, xt::range(1, 2), xt::all());
    one.forward(second);
    one.backward(its_slope);
    auto const alone = numbers(one.input_gradient());
    // The fully connected layer is a matrix product for two, a sum of rows for one: its gradients differ by rounding.
    check_near(
        "grad_x", alone,
        std::vector<double>(of_both.begin() + static_cast<std::ptrdiff_t>(alone.size()), of_both.end()),
        1e-5);
}

BOOST_AUTO_TEST_CASE(changed_parameters_are_packed_again) {
    hc::model<network> model;
    fill_with_noise(model, 10);
    auto const x = pictures<float>(1, 11);
    auto plan = hc::plan(model, everything{});
    auto const before = run(plan, x);
    for (auto& number : model.parameter("conv3.weight"))
        number = -number / 2;
    auto const after = run(plan, x);
    BOOST_TEST((after != before));
    BOOST_TEST((after == run(hc::plan(model, everything{}), x)));
}

/// Large enough that a batch passes in parts: of 3 images where there are gradients, of 8 where the pooling is fused.
using tall = hc::sequential<
    hc::named<"conv1", hc::conv2d<3, 16, hc::kernel<3>, hc::padding<1>, direct>>, hc::relu<>,
    hc::named<"pool", hc::max_pool2d<2>>,
    hc::residual<hc::sequential<hc::named<"conv2", hc::conv2d<16, 16, hc::kernel<3>, hc::padding<1>, direct>>,
                                hc::relu<>>>,
    hc::named<"conv3", hc::conv2d<16, 7, hc::kernel<3>, direct>>>;

BOOST_AUTO_TEST_CASE(a_batch_that_passes_in_parts_has_the_same_bits) {
    constexpr std::size_t images = 10;
    hc::model<tall> model;
    fill_with_noise(model, 15);
    auto const x = filled<float, 4>({images, 3, 64, 64}, 16);
    auto const slope = filled<float, 4>({images, 7, 30, 30}, 17);

    auto plan = hc::plan<hc::image<3, 64, 64>>(model);
    auto one = hc::plan<hc::image<3, 64, 64>>(model);
    auto differentiates = hc::plan(model, everything{});
    auto one_backward = hc::plan(model, everything{});
    // A hook between the steps makes them run for the whole batch.
    auto open = hc::with_runtime_hooks(model);
    auto whole = hc::plan(open, everything{});
    auto const check = [&] {
        auto const outputs = numbers(plan.forward(x));
        BOOST_TEST((numbers(differentiates.forward(x)) == outputs));
        BOOST_TEST((numbers(whole.forward(x)) == outputs));
        differentiates.backward(slope);
        whole.backward(slope);
        for (auto const* key : {"conv1.weight", "conv1.bias", "conv2.weight", "conv3.bias"})
            BOOST_TEST(
                (numbers(differentiates.parameter_gradient(key)) == numbers(whole.parameter_gradient(key))));
        auto const gradients = numbers(differentiates.input_gradient());
        BOOST_TEST((numbers(whole.input_gradient()) == gradients));
        auto const is_part = [](auto const& part, auto const& all, std::size_t n) {
            return std::equal(part.begin(), part.end(),
                              all.begin() + static_cast<std::ptrdiff_t>(n * part.size()));
        };
        for (std::size_t n = 0; n < images; ++n) {
            xt::xtensor<float, 4> const image =
                xt::view(x, xt::range(n, n + 1), xt::all(), xt::all(), xt::all());
            xt::xtensor<float, 4> const its_slope =
                xt::view(slope, xt::range(n, n + 1), xt::all(), xt::all(), xt::all());
            BOOST_TEST(is_part(numbers(one.forward(image)), outputs, n));
            one_backward.forward(image);
            one_backward.backward(its_slope);
            BOOST_TEST(is_part(numbers(one_backward.input_gradient()), gradients, n));
        }
    };
    check();
    hc::set_num_threads(2);
    plan.forward(filled<float, 4>({1, 3, 64, 64}, 18)); // lays out again for the threads
    differentiates.forward(filled<float, 4>({1, 3, 64, 64}, 18));
    check();
    hc::set_num_threads(1);
    // What lives within a part is not more for more images; the input and the output are.
    plan.forward(filled<float, 4>({1, 3, 64, 64}, 18));
    plan.forward(x);
    auto const of_ten = plan.memory();
    plan.forward(filled<float, 4>({2 * images, 3, 64, 64}, 18));
    BOOST_TEST(plan.memory() - of_ten < images * (3 * 64 * 64 + 7 * 30 * 30) * sizeof(float) * 11 / 10);
    // Nor are gradients between the steps; what forward leaves for backward is, twice 45,000 numbers an image here, and
    // gradients would be as many again.
    differentiates.forward(x);
    auto const with_gradients = differentiates.memory();
    differentiates.forward(filled<float, 4>({2 * images, 3, 64, 64}, 18));
    BOOST_TEST(differentiates.memory() - with_gradients < images * 120'000 * sizeof(float));
}

} // namespace
