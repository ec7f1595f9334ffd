#define BOOST_TEST_MODULE training_plan
#include "expect_error.hpp"
#include "layer_harness.hpp"
#include "xtensor.hpp"

#include <hookcam/hookcam.hpp>
#include <hookcam/layers/batch_norm2d/batch_norm2d_reference.hpp>
#include <hookcam/train/initialize.hpp>
#include <hookcam/train/training_plan.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hc = hookcam;
using harness::noise;

namespace {

template <std::size_t In, std::size_t Out>
using conv3x3 = hc::conv2d<In, Out, hc::kernel<3>, hc::padding<1>>;

using network =
    hc::sequential<hc::named<"front", hc::sequential<hc::named<"conv", conv3x3<2, 4>>,
                                                     hc::named<"bn", hc::batch_norm2d<4, hc::momentum<0.25>>>,
                                                     hc::relu<>, hc::dropout<hc::probability<0.25>>>>,
                   hc::named<"middle", conv3x3<4, 4>>, hc::named<"bn2", hc::batch_norm2d<4>>, hc::relu<>,
                   hc::flatten<>, hc::named<"fc", hc::linear<64, 3>>>;
using shape = hc::image<2, 4, 4>;
/// Nothing in it is another in training.
using plain =
    hc::sequential<hc::named<"conv1", conv3x3<2, 20>>, hc::relu<>, hc::max_pool2d<2>,
                   hc::named<"conv2", conv3x3<20, 4>>, hc::relu<>, hc::flatten<>,
                   hc::named<"fc1", hc::linear<16, 9>>, hc::relu<>, hc::named<"fc2", hc::linear<9, 3>>>;

template <class T = float>
xt::xtensor<T, 4> images(std::size_t count, std::uint32_t seed) {
    xt::xtensor<T, 4> x = xt::xtensor<T, 4>::from_shape({count, 2, 4, 4});
    auto const values = noise(x.size(), seed);
    std::transform(values.begin(), values.end(), x.data(), [](double v) { return static_cast<T>(v); });
    return x;
}
template <class T = float>
xt::xtensor<T, 2> slopes(std::size_t count, std::uint32_t seed) {
    xt::xtensor<T, 2> x = xt::xtensor<T, 2>::from_shape({count, 3});
    auto const values = noise(x.size(), seed);
    std::transform(values.begin(), values.end(), x.data(), [](double v) { return static_cast<T>(v); });
    return x;
}

template <class Range>
auto numbers(Range const& of) {
    return std::vector<typename Range::value_type>(of.begin(), of.end());
}
template <class Model>
auto parameters(Model const& of) {
    return std::vector<typename Model::value_type>(of.data(), of.data() + of.size());
}
template <class T>
std::vector<T> sum_of(std::vector<T> a, std::vector<T> const& b) {
    for (std::size_t i = 0; i < a.size(); ++i)
        a[i] += b[i];
    return a;
}

std::size_t count(std::vector<std::string> const& steps, std::string_view beginning) {
    return static_cast<std::size_t>(std::count_if(
        steps.begin(), steps.end(), [&](auto const& step) { return step.starts_with(beginning); }));
}

/// The gradients of a plan whose gradients are not zero everywhere.
template <class Plan>
auto gradients_of(Plan const& plan) {
    auto const all = plan.gradients();
    std::vector<typename Plan::value_type> const got(all.begin(), all.end());
    BOOST_TEST(std::any_of(got.begin(), got.end(), [](auto value) { return value != 0; }));
    return got;
}

} // namespace

BOOST_AUTO_TEST_CASE(what_is_the_same_in_training_gives_the_bits_of_a_plan_with_parameter_gradients) {
    hc::model<plain> model;
    hc::initialize(model, 1);
    auto const before = parameters(model);
    auto training = hc::training_plan<shape>(model);
    auto plan = hc::plan<shape>(model, hc::with_parameter_gradients<hc::gradients_request<>>{});
    for (std::size_t const batch : {5u, 5u, 1u, 2u}) {
        auto const x = images(batch, 2);
        auto const g = slopes(batch, 3);
        BOOST_TEST((numbers(training.forward(x)) == numbers(plan.forward(x))));
        training.backward(g);
        plan.backward(g);
        auto const entries = training.entries();
        for (std::size_t i = 0; i < entries.size(); ++i) {
            BOOST_TEST(training.is_trained(i));
            auto const expected = plan.parameter_gradient(entries[i].key);
            BOOST_TEST((numbers(training.parameter_gradient(entries[i].key)) == numbers(expected)));
            auto const* const got = training.gradients().data() + (entries[i].data - entries[0].data);
            BOOST_TEST(std::equal(expected.begin(), expected.end(), got));
        }
        BOOST_TEST(training.batch() == batch);
    }
    BOOST_TEST((parameters(model) == before));
    // Backward writes over what it has read: less memory, the same bits.
    BOOST_TEST(training.memory() < plan.memory());
}

BOOST_AUTO_TEST_CASE(sizes_may_be_read_at_the_first_call) {
    hc::model<network> model;
    hc::initialize(model, 1);
    auto known = hc::training_plan<shape>(model);
    auto read = hc::training_plan(model);
    BOOST_TEST((numbers(read.forward(images(3, 2))) == numbers(known.forward(images(3, 2)))));
    read.backward(slopes(3, 3));
    known.backward(slopes(3, 3));
    BOOST_TEST((gradients_of(read) == gradients_of(known)));
}

BOOST_AUTO_TEST_CASE(running_statistics_wait_until_they_are_committed) {
    hc::model<network, double> model;
    hc::initialize(model, 1);
    model.parameter("front.bn.running_mean")(2) = 0.5;
    auto const at_first = parameters(model);
    std::vector<xt::xtensor<double, 4>> seen; // what the batch norm got
    auto watched = hc::attach<"front.bn">(
        model, hc::on_forward_pre([&](auto const&, auto const& x) { seen.push_back(x); }));
    auto training = hc::training_plan<shape>(watched);
    auto infer = hc::plan<shape>(model);
    auto const other = images<double>(1, 9);
    auto const inferred = numbers(infer(other));

    training.forward(images<double>(3, 2));
    training.backward(slopes<double>(3, 3));
    training.forward(images<double>(2, 4)); // without a backward: its statistics count, as in PyTorch
    BOOST_TEST((parameters(model) == at_first));
    BOOST_TEST((numbers(infer(other)) == inferred));

    training.commit();
    hc::kernels::batch_norm2d_parameters sizes{0, 4, 16, 1e-5};
    for (std::size_t c = 0; c < 4; ++c) {
        double mean = c == 2 ? 0.5 : 0;
        double variance = 1;
        for (auto const& x : seen) {
            sizes.batch = x.shape()[0];
            auto const found = hc::reference::measure_channel(sizes, x.data(), c);
            mean = 0.75 * mean + 0.25 * found.mean;
            variance = 0.75 * variance + 0.25 * found.unbiased;
        }
        BOOST_TEST(std::abs(model.parameter("front.bn.running_mean")(c) - mean) < 1e-14);
        BOOST_TEST(std::abs(model.parameter("front.bn.running_var")(c) - variance) < 1e-14);
    }
    auto const after = parameters(model);
    auto const entries = model.entries();
    for (auto const& entry : entries)
        BOOST_TEST(std::equal(entry.data, entry.data + entry.size,
                              at_first.begin() + (entry.data - entries.front().data)) == entry.is_learned);
    BOOST_TEST((numbers(infer(other)) != inferred));
    training.commit(); // nothing is left to be written
    BOOST_TEST((parameters(model) == after));
    BOOST_TEST(seen.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_parameter_that_was_changed_is_seen_after_commit) {
    hc::model<plain> model;
    hc::initialize(model, 1);
    auto training = hc::training_plan<shape>(model);
    auto infer = hc::plan<shape>(model);
    auto const x = images(1, 2);
    auto const entries = training.entries();
    auto const before = numbers(infer(x));
    for (auto const& entry : entries)
        std::for_each(entry.data, entry.data + entry.size, [](float& value) { value *= 2; });
    training.commit();
    auto fresh = hc::plan<shape>(model);
    BOOST_TEST((numbers(infer(x)) == numbers(fresh(x))));
    BOOST_TEST((numbers(training.forward(x)) == numbers(fresh(x))));
    BOOST_TEST((numbers(infer(x)) != before));
}

BOOST_AUTO_TEST_CASE(accumulate_adds_and_backward_replaces) {
    hc::model<network> model;
    hc::initialize(model, 1);
    auto training = hc::training_plan<shape>(model);
    auto const* const place = training.gradients().data();
    auto const pass = [&](std::uint32_t seed, bool adds) {
        training.resume_at({0, seed});
        training.forward(images(3, seed));
        if (adds)
            training.accumulate(slopes(3, seed + 10));
        else
            training.backward(slopes(3, seed + 10));
        BOOST_TEST(training.gradients().data() == place);
        return gradients_of(training);
    };
    auto const a = pass(1, false);
    auto const b = pass(2, false);
    BOOST_TEST((a != b));
    BOOST_TEST((pass(1, true) == sum_of(b, a)));
    BOOST_TEST((pass(2, true) == sum_of(sum_of(b, a), b)));
    BOOST_TEST((pass(1, false) == a));
    training.zero_gradients();
    BOOST_TEST((pass(2, true) == b));
}

BOOST_AUTO_TEST_CASE(backward_runs_once_behind_each_forward) {
    hc::model<plain> model;
    auto training = hc::training_plan<shape>(model);
    auto const message = "forward must have run to its end before backward";
    expect_error(hc::error_kind::use, {message}, [&] { training.backward(slopes(2, 1)); });
    training.forward(images(2, 1));
    training.backward(slopes(2, 1));
    expect_error(hc::error_kind::use, {message}, [&] { training.backward(slopes(2, 1)); });
    expect_error(hc::error_kind::use, {message}, [&] { training.accumulate(slopes(2, 1)); });
    training.forward(images(2, 1));
    expect_error(hc::error_kind::shape, {"must have the output's shape"},
                 [&] { training.backward(slopes(3, 1)); });
}

BOOST_AUTO_TEST_CASE(a_batch_of_one_value_a_channel_is_refused) {
    using small = hc::sequential<hc::named<"fc", hc::linear<4, 3>>, hc::named<"bn", hc::batch_norm1d<3>>>;
    hc::model<small> model;
    auto training = hc::training_plan<hc::features<4>>(model);
    xt::xtensor<float, 2> const one = xt::ones<float>({1, 4});
    expect_error(hc::error_kind::shape, {"batch_norm1d<3>: must get more than one value for each channel"},
                 [&] { training.forward(one); });
    xt::xtensor<float, 2> const two = xt::ones<float>({2, 4});
    BOOST_TEST(training.forward(two).shape()[0] == 2U);
}

BOOST_AUTO_TEST_CASE(a_frozen_front_runs_as_in_inference_and_has_no_backward) {
    hc::model<network> model;
    hc::initialize(model, 1);
    std::fill_n(model.parameter("front.bn.running_mean").data(), 4, 0.3f);
    auto training = hc::training_plan<shape>(model, hc::freeze<"front">{});
    auto const steps = training.steps();
    BOOST_TEST(count(steps, "backward to parameters of conv2d<4, 4") == 1U);
    BOOST_TEST(count(steps, "backward conv2d") == 0U);
    BOOST_TEST(count(steps, "backward to parameters of conv2d<2, 4") == 0U);
    BOOST_TEST(count(steps, "backward batch_norm2d") == 1U); // bn2: to the middle's parameters
    BOOST_TEST(count(steps, "forward dropout") == 0U);
    BOOST_TEST(count(steps, "backward dropout") == 0U);

    auto const at_first = parameters(model);
    xt::xtensor<float, 4> into_middle;
    auto watched =
        hc::attach<"middle">(model, hc::on_forward_pre([&](auto const&, auto const& x) { into_middle = x; }));
    auto same = hc::training_plan<shape>(watched, hc::freeze<"front.conv", "front">{});
    auto const x = images(3, 2);
    same.forward(x);
    BOOST_TEST((into_middle == hc::get<"front">(hc::activations<"front">(model, x))));
    same.backward(slopes(3, 3));
    same.commit();

    auto const entries = same.entries();
    auto const all = same.gradients();
    for (std::size_t i = 0; i < entries.size(); ++i) {
        bool const is_front = entries[i].key.starts_with("front.");
        BOOST_TEST(same.is_trained(i) == (entries[i].is_learned && !is_front));
        auto const at = entries[i].data - entries[0].data;
        auto const* const gradient = all.data() + at;
        bool const has_gradient =
            std::any_of(gradient, gradient + entries[i].size, [](float v) { return v != 0; });
        BOOST_TEST(has_gradient == same.is_trained(i), entries[i].key);
        bool const is_changed =
            !std::equal(entries[i].data, entries[i].data + entries[i].size, at_first.begin() + at);
        BOOST_TEST(is_changed == entries[i].key.starts_with("bn2.running"), entries[i].key);
    }
    expect_error(hc::error_kind::use,
                 {"must learn the parameter \"front.conv.weight\"; take one of: middle.weight"},
                 [&] { static_cast<void>(same.parameter_gradient("front.conv.weight")); });
}

BOOST_AUTO_TEST_CASE(what_is_frozen_in_the_middle_hands_gradients_on) {
    hc::model<network> model;
    hc::initialize(model, 1);
    auto training = hc::training_plan<shape>(model, hc::freeze<"middle", "bn2">{});
    auto const steps = training.steps();
    BOOST_TEST(count(steps, "backward conv2d<4, 4") == 1U);
    BOOST_TEST(count(steps, "backward to parameters of conv2d<4, 4") == 0U);
    BOOST_TEST(count(steps, "backward to parameters of conv2d<2, 4") == 1U);
    training.forward(images(3, 2));
    training.backward(slopes(3, 3));
    auto const weight = training.parameter_gradient("front.conv.weight");
    BOOST_TEST(std::any_of(weight.begin(), weight.end(), [](float v) { return v != 0; }));
}

BOOST_AUTO_TEST_CASE(train_only_freezes_all_else) {
    hc::model<network> model;
    hc::initialize(model, 1);
    auto training = hc::training_plan<shape>(model, hc::train_only<"fc", "bn2">{});
    auto frozen = hc::training_plan<shape>(model, hc::freeze<"front", "middle">{});
    BOOST_TEST(training.steps() == frozen.steps(), boost::test_tools::per_element());
    auto const x = images(3, 2);
    BOOST_TEST((numbers(training.forward(x)) == numbers(frozen.forward(x))));
    training.backward(slopes(3, 3));
    frozen.backward(slopes(3, 3));
    BOOST_TEST((gradients_of(training) == gradients_of(frozen)));
    auto const entries = training.entries();
    for (std::size_t i = 0; i < entries.size(); ++i)
        BOOST_TEST(training.is_trained(i) == frozen.is_trained(i));
    // A path within what trains and without.
    auto inner = hc::training_plan<shape>(model, hc::train_only<"front.bn">{});
    BOOST_TEST(count(inner.steps(), "backward to parameters of") == 1U);
    BOOST_TEST(count(inner.steps(), "backward to parameters of batch_norm2d") == 1U);
    BOOST_TEST(count(inner.steps(), "forward dropout") == 0U);
}

BOOST_AUTO_TEST_CASE(plans_and_models_move) {
    hc::model<network> model;
    hc::initialize(model, 1);
    auto training = hc::training_plan<shape>(model, {.seed = 4});
    auto const expected = numbers(training.forward(images(3, 2)));
    training.resume_at({4, 0});
    auto moved = std::move(training);
    auto const owner = std::move(model);
    BOOST_TEST((numbers(moved.forward(images(3, 2))) == expected));
    moved.backward(slopes(3, 3));
    moved.commit();
    BOOST_TEST(owner.parameter("bn2.running_var")(0) != 1.f);
    BOOST_TEST(moved.moment().seed == 4U);
    BOOST_TEST(moved.moment().step == 1U);
}

BOOST_AUTO_TEST_CASE(the_gradient_of_the_input_is_there_where_it_was_asked_for) {
    hc::model<plain> model;
    hc::initialize(model, 1);
    auto training = hc::training_plan<shape>(model, hc::with_input_gradient<hc::freeze<"conv1">>{});
    auto plan = hc::plan<shape>(model, hc::with_input_gradient<hc::gradients_request<>>{});
    training.forward(images(3, 2));
    training.backward(slopes(3, 3));
    plan.forward(images(3, 2));
    plan.backward(slopes(3, 3));
    BOOST_TEST((numbers(training.input_gradient()) == numbers(plan.input_gradient())));
}
