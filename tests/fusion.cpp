#define BOOST_TEST_MODULE fusion
#include "blocked_harness.hpp"

#include <hookcam/hookcam.hpp>
#include <hookcam/layers/linear/linear_reference.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

// Kernels that plans choose by themselves: convolutions over blocked channels, what is fused with them, and parameters
// that are packed. Whoever watches sees true values, and no bit of the result changes.

namespace hc = hookcam;
using namespace blocked;

namespace {

// --- fusion -----------------------------------------------------------------------------------------------------

using conv = hc::named<"conv", hc::conv2d<4, 20, hc::kernel<3>, hc::padding<1>, direct>>;
using bare_conv = hc::named<"conv", hc::conv2d<4, 20, hc::kernel<3>, hc::padding<1>, hc::no_bias, direct>>;
using norm = hc::named<"norm", hc::batch_norm2d<20>>;
using relu = hc::named<"relu", hc::relu<>>;

BOOST_AUTO_TEST_CASE(a_convolution_is_fused_with_a_relu) {
    check_fusion<hc::sequential<conv, relu>, "conv">(hc::extents{4, 9, 7}, "conv + relu<>", 11);
}
BOOST_AUTO_TEST_CASE(a_convolution_is_fused_with_a_batch_norm) {
    check_fusion<hc::sequential<bare_conv, norm>, "conv">(hc::extents{4, 9, 7}, "conv + batch_norm2d<20>",
                                                          12);
}
BOOST_AUTO_TEST_CASE(a_convolution_is_fused_with_a_pooling) {
    using pool = hc::named<"pool", hc::max_pool2d<2>>;
    check_fusion<hc::sequential<conv, pool>, "conv">(hc::extents{4, 9, 7}, "conv + max_pool2d<2>", 13);
}
/// As in MobileNet; sums are wide enough that some are cut off above.
BOOST_AUTO_TEST_CASE(a_convolution_is_fused_with_a_relu6) {
    using depthwise =
        hc::named<"conv",
                  hc::conv2d<20, 20, hc::kernel<3>, hc::padding<1>, hc::groups<20>, hc::no_bias, direct>>;
    using relu6 = hc::named<"relu6", hc::relu6<>>;
    using pool = hc::named<"pool", hc::max_pool2d<2>>;
    using network = hc::sequential<depthwise, norm, relu6, pool>;
    check_fusion<network, "conv", "norm", "relu6">(hc::extents{20, 9, 7},
                                                   "conv + batch_norm2d<20> + relu6<> + max_pool2d<2>", 37);
    hc::model<
        hc::sequential<depthwise, norm, relu6, hc::named<"end", hc::conv2d<20, 3, hc::kernel<3>, direct>>>>
        model;
    fill_with_noise(model, 38);
    for (auto& factor : model.parameter("norm.weight"))
        factor *= 8;
    auto const x = images<float>(2, hc::extents{20, 9, 7}, 39);
    xt::xtensor<float, 4> const slope = images<float>(2, hc::extents{3, 7, 5}, 40);
    using request = hc::with_input_gradient<hc::gradients_request<>>;
    auto plan = hc::plan(model, request{});
    plan.forward(x);
    plan.backward(slope);
    auto const check = [&]<hc::fixed_string Path>(hc::path_list<Path>) {
        BOOST_TEST_CONTEXT("at " << Path.view()) {
            auto kept = hc::plan(model, hc::with_input_gradient<hc::gradients_request<Path>>{});
            BOOST_TEST(same(numbers(kept.forward(x)), numbers(plan.output())));
            kept.backward(slope);
            BOOST_TEST(same(numbers(kept.input_gradient()), numbers(plan.input_gradient())));
        }
    };
    check(hc::path_list<"norm">{});
    check(hc::path_list<"relu6">{});
    auto clamped = hc::plan(model, hc::activations_request<"relu6">{});
    clamped(x);
    auto const seen = numbers(clamped.activation<"relu6">());
    BOOST_TEST(std::count(seen.begin(), seen.end(), 6.0F) > 10);
    BOOST_TEST(std::count(seen.begin(), seen.end(), 0.0F) > 10);
    BOOST_TEST(*std::max_element(seen.begin(), seen.end()) == 6.0F);
    // One vector of weights for each element of the window: 20 channels fill two of 16, or fewer of narrower ones.
    hc::model<hc::sequential<depthwise>> const alone;
    auto packs = hc::plan(alone);
    packs(x);
    BOOST_TEST(packs.packed_memory() <= 32 * (9 + 1) * sizeof(float));
}

BOOST_AUTO_TEST_CASE(a_convolution_is_fused_with_all_that_follows) {
    using pool = hc::named<"pool", hc::max_pool2d<3, hc::stride<2>, hc::padding<1>>>;
    check_fusion<hc::sequential<conv, norm, relu, pool>, "conv", "norm", "relu">(
        hc::extents{4, 11, 8}, "conv + batch_norm2d<20> + relu<> + max_pool2d<3, stride<2>, padding<1>>", 14);
    using up = hc::named<"pool", hc::max_pool2d<3, hc::stride<2>, hc::ceil_mode>>;
    check_fusion<hc::sequential<conv, norm, relu, hc::dropout<>, up>, "conv", "norm", "relu">(
        hc::extents{4, 12, 8}, "conv + batch_norm2d<20> + relu<> + max_pool2d<3, stride<2>, ceil_mode>", 15);
    // Padding and dilation: the first window sees rows 1 and 3, the second row 0 too.
    using both = hc::named<"pool", hc::max_pool2d<3, hc::stride<1>, hc::padding<1>, hc::dilation<2>>>;
    check_fusion<hc::sequential<conv, relu, both>, "conv", "relu">(
        hc::extents{4, 9, 7}, "conv + relu<> + max_pool2d<3, stride<1>, padding<1>, dilation<2>>", 25);
    using apart = hc::named<"pool", hc::max_pool2d<2, hc::dilation<2>, hc::stride<1>>>;
    check_fusion<hc::sequential<conv, relu, apart>, "conv", "relu">(
        hc::extents{4, 6, 7}, "conv + relu<> + max_pool2d<2, dilation<2>, stride<1>>", 16);
}

using start = hc::named<"start", hc::conv2d<4, 20, hc::kernel<3>, hc::padding<1>, direct>>;
using body =
    hc::sequential<hc::named<"conv1", hc::conv2d<20, 20, hc::kernel<3>, hc::padding<1>, direct>>,
                   hc::named<"conv2", hc::conv2d<20, 20, hc::kernel<3>, hc::padding<1>, hc::no_bias, direct>>,
                   hc::named<"bn2", hc::batch_norm2d<20>>>;

BOOST_AUTO_TEST_CASE(a_residual_is_fused_with_the_convolution_at_its_end) {
    using block = hc::named<"block", hc::residual<body>>;
    check_fusion<hc::sequential<start, hc::relu<>, block, relu>, "block", "block.bn2", "block.conv2">(
        hc::extents{4, 8, 9}, "block.conv2 + batch_norm2d<20> + sum + relu<>", 17);
}
BOOST_AUTO_TEST_CASE(a_residual_with_a_projection_is_fused_with_the_projection) {
    using projection = hc::sequential<hc::named<"down", hc::conv2d<20, 20, hc::kernel<1>, direct>>>;
    using block = hc::named<"block", hc::residual<body, projection>>;
    check_fusion<hc::sequential<start, block, relu>, "block", "block.down">(hc::extents{4, 8, 9},
                                                                            "block.down + sum + relu<>", 18);
}
BOOST_AUTO_TEST_CASE(a_sum_of_its_own_is_fused_with_a_relu) {
    // The shortcut is computed behind the body, which can therefore not take it in.
    using shortcut = hc::sequential<hc::named<"sigmoid", hc::sigmoid<>>>;
    using block = hc::named<"block", hc::residual<body, shortcut>>;
    check_fusion<hc::sequential<start, block, relu>, "block">(hc::extents{4, 8, 9}, "sum + relu<>", 19);
}

BOOST_AUTO_TEST_CASE(a_sum_of_different_sizes_throws_when_it_is_fused) {
    using network =
        hc::sequential<start, hc::residual<hc::named<"body", hc::conv2d<20, 20, hc::kernel<3>, direct>>>>;
    hc::model<network> const model;
    auto plan = hc::plan(model); // sizes are known at the first call
    auto const is_about_shape = [](hc::error const& e) { return e.kind() == hc::error_kind::shape; };
    BOOST_CHECK_EXCEPTION(plan(images<float>(1, hc::extents{4, 8, 8}, 26)), hc::error, is_about_shape);
}

/// A layer of a user's, made of one of ours, that does something else.
struct halved : hc::relu<> {
    void forward(auto const& x, auto& y) const {
        for (std::size_t i = 0; i < x.size(); ++i)
            y.data()[i] = x.data()[i] / 2;
    }
};

BOOST_AUTO_TEST_CASE(what_is_derived_from_a_layer_is_not_taken_for_it) {
    hc::model<hc::sequential<conv>> a;
    hc::model<hc::sequential<conv, halved>> b;
    fill_with_noise(a, 27);
    std::copy_n(std::as_const(a).data(), a.size(), b.data());
    auto const x = images<float>(1, hc::extents{4, 6, 6}, 28);
    auto expected = numbers(a(x));
    for (auto& value : expected)
        value /= 2;
    BOOST_TEST((numbers(b(x)) == expected));
}

/// What a hook puts in the place of a value between two layers is what the next one sees.
BOOST_AUTO_TEST_CASE(a_replacement_between_layers_that_would_be_fused_is_seen) {
    hc::model<hc::sequential<conv, norm, relu>> model;
    fill_with_noise(model, 29);
    auto const x = images<float>(1, hc::extents{4, 6, 6}, 30);
    auto const minus = [](auto const&, auto const&, auto const& output) { return -output; };
    auto const typed = hc::attach<"norm">(model, hc::on_forward(minus));
    auto open = hc::with_runtime_hooks(model);
    auto const handle = open.at("norm").register_forward_hook(
        [](auto const&, auto const&, auto const& output) { return xt::xarray<float>{-output}; });
    auto kept = hc::plan(model, hc::activations_request<"norm">{});
    kept(x);
    auto expected = numbers(kept.activation<"norm">());
    for (auto& value : expected)
        value = -value < 0 ? 0 : -value;
    BOOST_TEST((numbers(typed(x)) == expected));
    BOOST_TEST((numbers(open(x)) == expected));
}

BOOST_AUTO_TEST_CASE(a_fused_plan_takes_other_batches_and_sizes) {
    using pool = hc::named<"pool", hc::max_pool2d<2>>;
    hc::model<hc::sequential<conv, norm, relu, pool,
                             hc::named<"end", hc::conv2d<20, 5, hc::kernel<3>, hc::padding<1>>>>>
        model;
    fill_with_noise(model, 35);
    auto plan = hc::plan(model);
    for (auto const& [batch, height] :
         {std::pair{1, 8}, std::pair{3, 8}, std::pair{1, 12}, std::pair{1, 8}}) {
        auto const x = images<float>(static_cast<std::size_t>(batch),
                                     hc::extents{4, static_cast<std::size_t>(height), 9}, 36);
        auto fresh = hc::plan(model);
        BOOST_TEST(same(numbers(plan(x)), numbers(fresh(x))));
    }
}

BOOST_AUTO_TEST_CASE(gradients_behind_fused_layers_are_those_of_separate_ones) {
    using block = hc::named<"block", hc::residual<body>>;
    using network = hc::sequential<start, norm, hc::relu<>, block, relu, hc::max_pool2d<2>, hc::flatten<>,
                                   hc::named<"fc", hc::linear<20 * 4 * 4, 3>>>;
    hc::model<network> model;
    fill_with_noise(model, 21);
    auto const x = images<float>(1, hc::extents{4, 8, 8}, 22);
    auto const nothing = [](auto const&, auto const&, auto const&) {};
    auto const watched = hc::attach_all(model, hc::on_forward(nothing));
    using request = hc::with_input_gradient<hc::gradients_request<"start", "block">>;
    auto a = hc::plan(model, request{});
    auto b = hc::plan(watched, request{});
    xt::xtensor<float, 2> const slope{{1, -2, 0.5}};
    BOOST_TEST((numbers(a(x, slope)) == numbers(b(x, slope))));
    BOOST_TEST((numbers(a.template gradient<"start">()) == numbers(b.template gradient<"start">())));
    BOOST_TEST((numbers(a.template gradient<"block">()) == numbers(b.template gradient<"block">())));
    BOOST_TEST((numbers(a.input_gradient()) == numbers(b.input_gradient())));
    BOOST_TEST(a.steps().size() < b.steps().size());
}

// --- packed parameters ------------------------------------------------------------------------------------------

using packing = hc::sequential<hc::named<"conv", hc::conv2d<1, 2, hc::kernel<1>, direct>>,
                               hc::named<"bn", hc::batch_norm2d<2>>, hc::flatten<>,
                               hc::named<"fc", hc::linear<2, 1, hc::no_bias>>>;

/// fc·(conv·x), with the numbers below: 1·(2·x) + 1·(3·x).
hc::model<packing, double> five_times() {
    hc::model<packing, double> model;
    model.parameter("conv.weight").flat(0) = 2;
    model.parameter("conv.weight").flat(1) = 3;
    auto const root = std::sqrt(1 + 1e-5); // so that batch norm's scale is 1
    model.parameter("bn.weight").fill(root);
    model.parameter("fc.weight").fill(1);
    return model;
}

BOOST_AUTO_TEST_CASE(a_plan_notices_that_parameters_may_have_changed) {
    auto model = five_times();
    xt::xtensor<double, 3> const x{{{7}}};
    auto plan = hc::plan(model);
    BOOST_TEST(plan(x)(0, 0) == 35, boost::test_tools::tolerance(1e-15));
    model.parameter("conv.weight").flat(0) = 12;
    BOOST_TEST(plan(x)(0, 0) == 105, boost::test_tools::tolerance(1e-15));
    for (auto const& entry : model.entries())
        if (entry.key == "fc.weight")
            entry.data[1] = 0;
    BOOST_TEST(plan(x)(0, 0) == 84, boost::test_tools::tolerance(1e-15));
    model.parameter("bn.bias").fill(1);
    BOOST_TEST(plan(x)(0, 0) == 85, boost::test_tools::tolerance(1e-15));
    model = five_times(); // moved in: into the memory that the plan reads
    BOOST_TEST(plan(x)(0, 0) == 35, boost::test_tools::tolerance(1e-15));
}

BOOST_AUTO_TEST_CASE(an_assignment_of_a_model_is_noticed) {
    auto model = five_times();
    xt::xtensor<double, 3> const x{{{7}}};
    auto plan = hc::plan(model);
    BOOST_TEST(plan(x)(0, 0) == 35, boost::test_tools::tolerance(1e-15));
    auto other = five_times();
    other.parameter("conv.weight").fill(0);
    model = std::as_const(other);
    BOOST_TEST(plan(x)(0, 0) == 0);
}

BOOST_AUTO_TEST_CASE(a_view_that_is_kept_and_written_later_asks_for_a_refresh) {
    auto model = five_times();
    auto weight = model.parameter("fc.weight");
    xt::xtensor<double, 3> const x{{{7}}};
    auto plan = hc::plan(model);
    BOOST_TEST(plan(x)(0, 0) == 35, boost::test_tools::tolerance(1e-15));
    weight.fill(2);
    plan.refresh();
    BOOST_TEST(plan(x)(0, 0) == 70, boost::test_tools::tolerance(1e-15));
}

BOOST_AUTO_TEST_CASE(a_plan_of_another_batch_packs_for_that_batch) {
    auto model = five_times();
    auto plan = hc::plan(model);
    xt::xtensor<double, 4> const one{{{{7}}}};
    xt::xtensor<double, 4> const two{{{{7}}}, {{{1}}}};
    for (int turn = 0; turn < 2; ++turn) {
        BOOST_TEST(plan(one)(0, 0) == 35, boost::test_tools::tolerance(1e-15));
        BOOST_TEST(plan(two)(1, 0) == 5, boost::test_tools::tolerance(1e-15));
    }
}

// --- memory -----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(tensors_that_are_needed_at_one_time_never_overlap) {
    std::mt19937 next{41};
    for (int round = 0; round < 200; ++round) {
        std::vector<hc::detail::lifetime> lives(1 + next() % 30);
        std::size_t all = 0;
        std::size_t most_at_a_time = 0;
        for (auto& life : lives) {
            life.size = next() % 8 * 16;
            life.touch(next() % 20);
            life.touch(next() % 20);
            all += life.size;
        }
        for (std::size_t when = 0; when < 20; ++when) {
            std::size_t at_a_time = 0;
            for (auto const& life : lives)
                if (life.first <= when && when <= life.last)
                    at_a_time += life.size;
            most_at_a_time = std::max(most_at_a_time, at_a_time);
        }
        auto const total = hc::detail::place(lives);
        BOOST_TEST(total >= most_at_a_time);
        BOOST_TEST(total <= all);
        for (std::size_t i = 0; i < lives.size(); ++i) {
            BOOST_TEST(lives[i].offset + lives[i].size <= total);
            for (std::size_t j = 0; j < i; ++j)
                BOOST_TEST((!lives[i].meets(lives[j]) || lives[i].size == 0 || lives[j].size == 0 ||
                            lives[i].offset + lives[i].size <= lives[j].offset ||
                            lives[j].offset + lives[j].size <= lives[i].offset));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_deep_network_needs_the_memory_of_a_shallow_one) {
    using layer = hc::conv2d<16, 16, hc::kernel<3>, hc::padding<1>>;
    using four = hc::indexed<layer, layer, layer, layer>;
    using eight = hc::indexed<layer, layer, layer, layer, layer, layer, layer, layer>;
    hc::model<four> const a;
    hc::model<eight> const b;
    auto const x = images<float>(1, hc::extents{16, 32, 32}, 42);
    auto shallow = hc::plan(a);
    auto deep = hc::plan(b);
    static_cast<void>(shallow(x));
    static_cast<void>(deep(x));
    BOOST_TEST(deep.memory() - deep.packed_memory() == shallow.memory() - shallow.packed_memory());
}

BOOST_AUTO_TEST_CASE(backward_may_run_again_from_another_gradient) {
    using network =
        hc::sequential<start, norm, hc::relu<>, hc::named<"second", hc::conv2d<20, 8, hc::kernel<3>>>,
                       hc::sigmoid<>, hc::max_pool2d<2>, hc::flatten<>,
                       hc::named<"fc", hc::linear<8 * 3 * 3, 3>>>;
    hc::model<network> model;
    fill_with_noise(model, 43);
    auto const x = images<float>(1, hc::extents{4, 8, 8}, 44);
    auto plan = hc::plan(
        model, hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<"start">>>{});
    plan.forward(x);
    std::vector<std::vector<float>> found;
    for (float const factor : {1.0F, -3.0F, 1.0F}) {
        plan.backward(xt::xtensor<float, 2>{{factor, 0, 2 * factor}});
        auto now = numbers(plan.input_gradient());
        for (auto const* key : {"start.weight", "second.weight", "fc.bias"}) {
            auto const of_parameter = numbers(plan.parameter_gradient(key));
            now.insert(now.end(), of_parameter.begin(), of_parameter.end());
        }
        found.push_back(std::move(now));
    }
    BOOST_TEST((found[0] == found[2]));
    BOOST_TEST((found[0] != found[1]));
}

/// After a call with NaN alone there is nothing else wherever a plan writes. The next call reads none of it.
BOOST_AUTO_TEST_CASE(what_one_call_leaves_behind_the_next_does_not_read) {
    using block = hc::named<"block", hc::residual<body>>;
    using parts =
        hc::concat<hc::named<"a", hc::conv2d<20, 32, hc::kernel<1>, direct>>,
                   hc::named<"b", hc::conv2d<20, 7, hc::kernel<5>, hc::padding<2>, hc::stride<1>, direct>>>;
    using network = hc::sequential<start, norm, relu, block, hc::relu<>, parts, hc::max_pool2d<2>,
                                   hc::flatten<>, hc::named<"fc", hc::linear<39 * 4 * 4, 3>>>;
    hc::model<network> model;
    fill_with_noise(model, 45);
    using request =
        hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<"norm", "block">>>;
    auto const x = images<float>(2, hc::extents{4, 8, 8}, 46);
    xt::xtensor<float, 2> const slopes{{1, -2, 0.5}, {0, 3, 1}};
    auto const all_of = [&](auto& plan) {
        plan.forward(x);
        plan.backward(slopes);
        auto found = numbers(plan.output());
        auto const append = [&found](auto const& view) {
            found.insert(found.end(), view.begin(), view.end());
        };
        append(plan.input_gradient());
        append(plan.template gradient<"norm">());
        append(plan.template gradient<"block">());
        for (auto const* key : {"start.weight", "norm.weight", "a.weight", "b.bias", "fc.weight"})
            append(plan.parameter_gradient(key));
        return found;
    };
    auto plan = hc::plan(model, request{});
    constexpr auto nan = std::numeric_limits<float>::quiet_NaN();
    plan.forward(xt::xtensor<float, 4>{nan * x});
    plan.backward(xt::xtensor<float, 2>{nan * slopes});
    auto fresh = hc::plan(model, request{});
    auto const expected = all_of(fresh);
    BOOST_TEST(std::none_of(expected.begin(), expected.end(), [](float v) { return std::isnan(v); }));
    BOOST_TEST(same(all_of(plan), expected));
    auto thinking = hc::plan(model); // and a plan without gradients, whose tensors share more of their places
    static_cast<void>(thinking(xt::xtensor<float, 4>{nan * x}));
    BOOST_TEST(same(numbers(thinking(x)), numbers(fresh.output())));
}

// --- one vector through a fully connected layer -----------------------------------------------------------------

/// `In` inputs, of which every third is zero, and a gradient with zeros: forward and backward against the reference.
template <class T, std::size_t In, std::size_t Out>
void check_linear() {
    BOOST_TEST_CONTEXT("linear<" << In << ", " << Out << ">") {
        hc::model<hc::sequential<hc::named<"fc", hc::linear<In, Out>>>, T> model;
        fill_with_noise(model, 31);
        auto x_values = noise(In, 32);
        auto slopes = noise(Out, 33);
        for (std::size_t i = 0; i < In; i += 3)
            x_values[i] = 0;
        for (std::size_t i = 1; i < Out; i += 2)
            slopes[i] = 0;
        auto const x = filled<T, 2>({1, In}, x_values);
        auto const slope = filled<T, 2>({1, Out}, slopes);
        auto plan = hc::plan(model, hc::with_input_gradient<hc::gradients_request<>>{});
        plan(x, slope);

        std::vector<double> const own(model.data(), model.data() + model.size());
        std::vector<double> const wide_x(x.begin(), x.end());
        std::vector<double> const wide_slope(slope.begin(), slope.end());
        std::vector<double> y(Out), grad_x(In);
        hc::reference::linear(std::size_t{1}, In, Out, wide_x.data(), own.data(), own.data() + In * Out,
                              y.data());
        hc::reference::linear_backward(std::size_t{1}, In, Out, wide_slope.data(), own.data(), grad_x.data());
        check_near("y", numbers(plan.output()), y, rounding<T>(In + 1));
        // Also where the input is zero: its gradient is not.
        check_near("grad_x", numbers(plan.input_gradient()), grad_x, rounding<T>(Out));
    }
}

BOOST_AUTO_TEST_CASE(one_vector_is_multiplied_as_the_reference_says) {
    check_linear<float, 1, 1>();
    check_linear<float, 7, 3>();
    check_linear<float, 300, 16>();
    check_linear<float, 450, 257>();
    check_linear<double, 33, 40>();
    check_linear<double, 450, 130>();
}

BOOST_AUTO_TEST_CASE(a_vector_of_zeros_gives_the_bias) {
    hc::model<hc::sequential<hc::named<"fc", hc::linear<5, 3>>>> model;
    fill_with_noise(model, 34);
    auto const bias = model.parameter("fc.bias");
    xt::xtensor<float, 2> const zeros{{0, 0, 0, 0, 0}};
    BOOST_TEST((numbers(model(zeros)) == numbers(bias)));
}

} // namespace
