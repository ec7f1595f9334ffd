#define BOOST_TEST_MODULE training_hooks
#include "layer_harness.hpp"

#include <hookcam/hookcam.hpp>
#include <hookcam/train/initialize.hpp>
#include <hookcam/train/training_plan.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace hc = hookcam;
using harness::noise;

namespace {

using network = hc::sequential<
    hc::named<"conv", hc::conv2d<2, 3, hc::kernel<3>, hc::padding<1>>>, hc::named<"bn", hc::batch_norm2d<3>>,
    hc::named<"drop", hc::dropout<>>, hc::relu<>, hc::flatten<>,
    hc::named<"head",
              hc::sequential<hc::named<"fc", hc::linear<48, 4>>, hc::named<"bn", hc::batch_norm1d<4>>>>>;
using shape = hc::image<2, 4, 4>;
using events = std::vector<std::string>;

xt::xtensor<float, 4> images(std::uint32_t seed) {
    xt::xtensor<float, 4> x = xt::xtensor<float, 4>::from_shape({3, 2, 4, 4});
    auto const values = noise(x.size(), seed);
    std::transform(values.begin(), values.end(), x.data(), [](double v) { return static_cast<float>(v); });
    return x;
}
xt::xtensor<float, 2> slopes() {
    xt::xtensor<float, 2> x = xt::xtensor<float, 2>::from_shape({3, 4});
    auto const values = noise(x.size(), 11);
    std::transform(values.begin(), values.end(), x.data(), [](double v) { return static_cast<float>(v); });
    return x;
}

template <class Range>
std::vector<float> numbers(Range const& of) {
    return {of.begin(), of.end()};
}
template <class Model>
std::vector<float> parameters(Model const& of) {
    return {of.data(), of.data() + of.size()};
}

hc::model<network> made() {
    hc::model<network> model;
    hc::initialize(model, 1);
    return model;
}

/// One step of training, and what it gives.
struct step_result {
    std::vector<float> output, gradients, model;
    bool operator==(step_result const&) const = default;
};
template <class Training, class Model>
step_result run(Training& training, Model const& model, std::uint32_t seed) {
    step_result result;
    result.output = numbers(training.forward(images(seed)));
    training.backward(slopes());
    result.gradients = numbers(training.gradients());
    training.commit();
    result.model = parameters(model);
    return result;
}

} // namespace

BOOST_AUTO_TEST_CASE(parameter_gradients_are_complete_before_on_backward) {
    auto model = made();
    events seen;
    auto const note = [&](std::string_view event, auto const& layer) {
        seen.push_back(std::string{event} + ' ' + std::string{layer.path()});
    };
    auto watched = hc::attach_all(
        model, hc::on_forward([&](auto const& layer, auto const&, auto const&) { note("forward", layer); }),
        hc::on_backward([&](auto const& layer, auto const&, auto const&) { note("backward", layer); }),
        hc::on_parameter_gradient([&](auto const& layer, std::string_view name, auto const&) {
            note(std::string{name} + " of", layer);
        }));
    auto training = hc::training_plan<shape>(watched);
    training.forward(images(2));
    BOOST_TEST(seen == (events{"forward conv", "forward bn", "forward drop", "forward head.fc",
                               "forward head.bn", "forward head"}),
               boost::test_tools::per_element());
    seen.clear();
    training.backward(slopes());
    BOOST_TEST(seen == (events{"weight of head.bn", "bias of head.bn", "backward head.bn",
                               "weight of head.fc", "bias of head.fc", "backward head.fc",
                               "fc.weight of head", "fc.bias of head", "bn.weight of head", "bn.bias of head",
                               "backward head", "backward drop", "weight of bn", "bias of bn", "backward bn",
                               "weight of conv", "bias of conv", "backward conv"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(hooks_that_look_change_no_bit_typed_or_at_run_time) {
    auto model = made();
    auto twin = model;
    auto watched_twin = model;
    auto plain = hc::training_plan<shape>(model, {.seed = 3});
    auto const open = hc::with_runtime_hooks(twin);
    std::size_t calls = 0;
    std::vector<hc::hook_handle> handles;
    for (auto const& path : hc::paths<network>()) {
        handles.push_back(
            open.at(path).register_forward_hook([&](auto const&, auto const&, auto const&) { ++calls; }));
        handles.push_back(
            open.at(path).register_backward_hook([&](auto const&, auto const&, auto const&) { ++calls; }));
        handles.push_back(open.at(path).register_parameter_gradient_hook(
            [&](auto const&, std::string_view, auto const&) { ++calls; }));
    }
    auto opened = hc::training_plan<shape>(open, {.seed = 3});
    auto typed = hc::training_plan<shape>(
        hc::attach_all(watched_twin, hc::on_forward([](auto const&, auto const&, auto const&) {}),
                       hc::on_backward([](auto const&, auto const&, auto const&) {})),
        {.seed = 3});
    for (std::uint32_t seed = 1; seed < 4; ++seed) {
        auto const expected = run(plain, model, seed);
        BOOST_TEST((run(opened, twin, seed) == expected));
        BOOST_TEST((run(typed, watched_twin, seed) == expected));
    }
    // Six layers and composites forward and back, eight parameters at their layers, four of them at the composite.
    BOOST_TEST(calls == 3U * (6 + 6 + 8 + 4));
}

BOOST_AUTO_TEST_CASE(what_a_hook_returns_is_the_gradient) {
    auto model = made();
    auto twin = model;
    auto plain = hc::training_plan<shape>(model);
    auto const expected = run(plain, model, 2);
    auto halved = hc::attach<"head.fc">(
        twin, hc::on_parameter_gradient([](auto const&, std::string_view name, auto const& gradient) {
            return xt::xarray<float>(gradient * (name == "weight" ? .5f : 1.f));
        }));
    auto training = hc::training_plan<shape>(halved);
    auto const got = run(training, twin, 2);
    auto const entries = training.entries();
    for (auto const& entry : entries)
        for (std::size_t i = 0; i < entry.size; ++i) {
            auto const at = static_cast<std::size_t>(entry.data - entries.front().data) + i;
            float const factor = entry.key == "head.fc.weight" ? .5f : 1.f;
            BOOST_REQUIRE(got.gradients[at] == factor * expected.gradients[at]);
        }
    // A hook sees what a pass adds, not the sum.
    training.resume_at({0, 0});
    training.forward(images(2));
    training.accumulate(slopes());
    auto const weight = training.parameter_gradient("head.fc.weight");
    std::size_t const first = static_cast<std::size_t>(twin.parameter("head.fc.weight").data() - twin.data());
    for (std::size_t i = 0; i < weight.size(); ++i)
        BOOST_REQUIRE(weight.data()[i] == 2 * got.gradients[first + i]);
}

BOOST_AUTO_TEST_CASE(hooks_of_what_is_frozen_are_silent) {
    auto model = made();
    events seen;
    auto watched = hc::attach_all(
        model, hc::on_parameter_gradient([&](auto const& layer, std::string_view name, auto const&) {
            seen.push_back(std::string{name} + " of " + std::string{layer.path()});
        }));
    auto training = hc::training_plan<shape>(watched, hc::freeze<"conv", "bn", "head.bn">{});
    training.forward(images(2));
    training.backward(slopes());
    BOOST_TEST(seen ==
                   (events{"weight of head.fc", "bias of head.fc", "fc.weight of head", "fc.bias of head"}),
               boost::test_tools::per_element());
    seen.clear();
    auto only = hc::training_plan<shape>(watched, hc::train_only<"head.bn">{});
    only.forward(images(2));
    only.backward(slopes());
    BOOST_TEST(seen ==
                   (events{"weight of head.bn", "bias of head.bn", "bn.weight of head", "bn.bias of head"}),
               boost::test_tools::per_element());
}

namespace {

struct stop : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A plan at one of whose layers a hook throws leaves the model as it was, and goes on as one that was never asked.
template <class Attach>
void check_throwing(bool in_forward, Attach attach) {
    auto model = made();
    auto calm_model = model;
    bool throws = false;
    auto const maybe_throw = [&throws] {
        if (throws)
            throw stop{"a hook's own"};
    };
    auto const watched = attach(model, maybe_throw);
    auto training = hc::training_plan<shape>(watched, {.seed = 3});
    auto calm = hc::training_plan<shape>(calm_model, {.seed = 3});
    BOOST_TEST((run(training, model, 1) == run(calm, calm_model, 1)));

    // In the middle of an accumulation: what was added stays, and so does what waits.
    training.zero_gradients();
    calm.zero_gradients();
    auto const add = [](auto& plan, std::uint32_t seed) {
        plan.forward(images(seed));
        plan.accumulate(slopes());
    };
    add(training, 2);
    add(calm, 2);
    auto const before = parameters(model);
    auto const added = numbers(training.gradients());
    throws = true;
    BOOST_CHECK_THROW(add(training, 3), stop);
    throws = false;
    BOOST_TEST((parameters(model) == before));
    BOOST_TEST((numbers(training.gradients()) == added));
    if (!in_forward)
        calm.resume_at({3, calm.moment().step + 1}); // the masks of the forward that did run
    add(training, 4);
    add(calm, 4);
    training.commit();
    calm.commit();
    BOOST_TEST((numbers(training.output()) == numbers(calm.output())));
    BOOST_TEST((numbers(training.gradients()) == numbers(calm.gradients())));
    BOOST_TEST((parameters(model) == parameters(calm_model)));

    // A backward that replaces leaves no half of its gradients.
    if (!in_forward) {
        training.forward(images(5));
        throws = true;
        BOOST_CHECK_THROW(training.backward(slopes()), stop);
        throws = false;
        BOOST_TEST((numbers(training.gradients()) == std::vector<float>(model.size())));
        training.commit();
        BOOST_TEST((parameters(model) == parameters(calm_model)));
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(a_hook_that_throws_changes_nothing) {
    check_throwing(true, [](auto& model, auto const& call) {
        return hc::attach<"head.bn">(model,
                                     hc::on_forward([=](auto const&, auto const&, auto const&) { call(); }));
    });
    check_throwing(false, [](auto& model, auto const& call) {
        return hc::attach<"conv">(model, hc::on_parameter_gradient([=](auto const&...) { call(); }));
    });
    check_throwing(false, [](auto& model, auto const& call) {
        return hc::attach<"bn">(model,
                                hc::on_backward([=](auto const&, auto const&, auto const&) { call(); }));
    });
}

BOOST_AUTO_TEST_CASE(a_run_time_hook_may_remove_itself_while_training) {
    auto model = made();
    auto const open = hc::with_runtime_hooks(model);
    int calls = 0;
    hc::hook_handle once;
    once =
        open.at("bn").register_parameter_gradient_hook([&](auto const&, std::string_view name, auto const&) {
            if (name == "bias") {
                ++calls;
                once.remove();
            }
        });
    auto training = hc::training_plan<shape>(open);
    run(training, model, 1);
    run(training, model, 2);
    BOOST_TEST(calls == 1);
}
