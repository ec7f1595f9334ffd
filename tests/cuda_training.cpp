#define BOOST_TEST_MODULE cuda_training
#include <boost/test/unit_test.hpp>

#include "device_harness.hpp"

#include <hookcam/cuda.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/train/adam.hpp>
#include <hookcam/train/clip_gradient.hpp>
#include <hookcam/train/cross_entropy.hpp>
#include <hookcam/train/initialize.hpp>
#include <hookcam/train/sgd.hpp>
#include <hookcam/train/training_plan.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// Training on a device: a loop is the one for the processor, and what it makes is what the processor makes in double.

namespace hc = hookcam;

namespace {

using device = device_harness::device_type;
template <std::size_t In, std::size_t Out, class... Policies>
using conv = hc::conv2d<In, Out, hc::kernel<3>, hc::padding<1>, Policies...>;

using net = hc::sequential<
    hc::named<"conv1", conv<2, 6, hc::no_bias>>, hc::named<"bn1", hc::batch_norm2d<6, hc::momentum<0.25>>>,
    hc::relu<>, hc::max_pool2d<2>,
    hc::named<"block", hc::residual<hc::sequential<hc::named<"conv2", conv<6, 6, hc::groups<2>, hc::no_bias>>,
                                                   hc::named<"bn2", hc::batch_norm2d<6, hc::no_affine>>>>>,
    hc::relu<>, hc::dropout<hc::probability<0.25>>, hc::named<"gn", hc::group_norm<3, 6>>, hc::flatten<>,
    hc::named<"fc1", hc::linear<6 * 6 * 6, 9>>, hc::relu<>, hc::named<"bn3", hc::batch_norm1d<9>>,
    hc::dropout<>, hc::named<"fc2", hc::linear<9, 4>>>;
using shape = hc::image<2, 12, 12>;
constexpr std::size_t batch = 10;

template <class T>
struct part_of_data {
    xt::xtensor<T, 4> images = xt::xtensor<T, 4>::from_shape({batch, 2, 12, 12});
    std::array<std::int64_t, batch> labels{};

    explicit part_of_data(std::uint32_t seed) {
        auto const values = device_harness::noise(images.size(), seed);
        std::transform(values.begin(), values.end(), images.begin(),
                       [](float v) { return static_cast<T>(v); });
        for (std::size_t i = 0; i < batch; ++i)
            labels[i] = static_cast<std::int64_t>((i * 7 + seed) % 4);
    }
};

template <class T>
hc::model<net, T> begin() {
    hc::model<net, T> made;
    hc::initialize(made, 5);
    return made;
}

/// One step of a loop that does not know where the model is; returns the loss.
template <class Training, class Optimizer>
double step(Training& training, Optimizer& optimizer, std::uint32_t number) {
    using T = typename Training::value_type;
    part_of_data<T> const data{number};
    auto criterion = hc::cross_entropy<T>{};
    auto const logits = training.forward(data.images);
    auto const loss = criterion(logits, data.labels);
    training.backward(loss.gradient);
    hc::clip_gradient_value(training, 0.5);
    hc::clip_gradient_norm(training, 0.75);
    optimizer.step();
    return static_cast<double>(loss.value);
}

template <class Model>
auto numbers(Model const& model) {
    using T = typename Model::value_type;
    auto const here = hc::to<hc::cpu>(model);
    return std::vector<T>(here.data(), here.data() + here.size());
}

/// Five steps on the processor in double, and on the device: parameters, running statistics and losses.
template <class MakeOptimizer>
void compare(std::string const& what, MakeOptimizer make_optimizer) {
    auto expected = begin<double>();
    std::vector<double> expected_losses;
    {
        auto training = hc::training_plan<shape>(expected, hc::train_all{.seed = 3});
        auto optimizer = make_optimizer(training);
        for (std::uint32_t number = 1; number <= 5; ++number)
            expected_losses.push_back(step(training, optimizer, number));
    }
    auto const found = device_harness::in_both_orders([&](auto&, auto) {
        auto model = hc::to<device>(begin<float>());
        auto training = hc::training_plan<shape>(model, hc::train_all{.seed = 3});
        auto optimizer = make_optimizer(training);
        std::vector<float> losses;
        for (std::uint32_t number = 1; number <= 5; ++number)
            losses.push_back(static_cast<float>(step(training, optimizer, number)));
        return std::vector{losses, numbers(model)};
    });
    device_harness::check_near(what + ": losses", found[0], expected_losses);
    auto const* values = found[1].data();
    auto const start = begin<double>();
    auto const* const first = start.data();
    for (auto const& entry : std::as_const(expected).entries()) {
        device_harness::check_near(what + ": " + std::string{entry.key}, {values, values + entry.size},
                                   {entry.data, entry.data + entry.size});
        auto const* const before = first + (entry.data - std::as_const(expected).data());
        BOOST_TEST(!std::equal(entry.data, entry.data + entry.size, before),
                   entry.key << " must have changed");
        values += entry.size;
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(five_steps_are_those_of_the_processor) {
    compare("sgd", [](auto& training) {
        return hc::sgd(training,
                       {.learning_rate = 0.05, .momentum = 0.9, .weight_decay = 5e-4, .nesterov = true});
    });
    // A small eps would make much of what rounds in small gradients.
    compare("adam", [](auto& training) {
        return hc::adam(training, {.learning_rate = 0.01, .eps = 0.01, .weight_decay = 1e-3},
                        {{"fc2", {.learning_rate = 0.02, .eps = 0.01, .amsgrad = true}}});
    });
}

BOOST_AUTO_TEST_CASE(what_is_frozen_stays) {
    auto model = hc::to<device>(begin<float>());
    auto const before = numbers(model);
    auto training = hc::training_plan<shape>(model, hc::freeze<"conv1", "bn1", "block">{});
    auto optimizer = hc::sgd(training, {.learning_rate = 0.1, .momentum = 0.5, .weight_decay = 0.01});
    for (std::uint32_t number = 1; number <= 2; ++number)
        step(training, optimizer, number);
    auto const after = numbers(model);
    auto const gradients = training.gradients().to_host();
    std::size_t at = 0;
    auto const here = hc::to<hc::cpu>(model);
    for (auto const& entry : here.entries()) {
        bool const is_frozen =
            entry.key.starts_with("conv1") || entry.key.starts_with("bn1") || entry.key.starts_with("block");
        auto const same = std::equal(&after[at], &after[at] + entry.size, &before[at]);
        BOOST_TEST(same == is_frozen, entry.key);
        bool const has_none = std::all_of(gradients.begin() + static_cast<std::ptrdiff_t>(at),
                                          gradients.begin() + static_cast<std::ptrdiff_t>(at + entry.size),
                                          [](float g) { return g == 0.0f; });
        BOOST_TEST(has_none == (is_frozen || !entry.is_learned), entry.key);
        at += entry.size;
    }
}

#if !defined(HOOKCAM_ON_GPU) // where nobody counts
BOOST_AUTO_TEST_CASE(a_step_copies_the_batch_the_logits_and_their_gradient) {
    using stream = hc::emulated_stream;
    auto model = hc::to<device>(begin<float>());
    auto training = hc::training_plan<shape>(model);
    auto optimizer = hc::adam(training);
    part_of_data<float> const data{1};
    hc::cross_entropy<float> criterion;
    auto const once = [&] {
        auto const logits = training.forward(data.images);
        training.backward(criterion(logits, data.labels).gradient);
        hc::clip_gradient_value(training, 0.5);
        optimizer.step();
    };
    once();
    auto const copies = stream::host_copies();
    auto const allocations = stream::allocations();
    once();
    BOOST_TEST(stream::host_copies() - copies == 3u);
    BOOST_TEST(stream::allocations() == allocations);
}
#endif

BOOST_AUTO_TEST_CASE(gradients_are_replaced_or_added_and_statistics_wait) {
    auto model = hc::to<device>(begin<float>());
    auto const before = numbers(model);
    auto infer = hc::plan<shape>(model);
    part_of_data<float> const data{1};
    auto const at_first = infer.forward(data.images).to_host();
    auto training = hc::training_plan<shape>(model);
    auto const slopes = xt::xtensor<float, 2>(std::array{batch, std::size_t{4}}, 0.25f);
    auto const gradients = [&] { return training.gradients().to_host(); };

    training.forward(data.images);
    training.backward(slopes);
    auto const once = gradients();
    BOOST_TEST((training.parameter_gradient("fc2.bias").to_host()(2) == 0.25f * batch));
    training.resume_at({0, 0}); // with the masks of the first
    training.forward(data.images);
    training.accumulate(slopes);
    BOOST_TEST((gradients() == 2.0f * once));
    training.zero_gradients();
    BOOST_TEST((gradients() == 0.0f * once));
    training.resume_at({0, 0});
    training.forward(data.images);
    auto to_fill = training.gradient_to_fill();
    to_fill = slopes;
    training.accumulate();
    BOOST_TEST((gradients() == once));

    BOOST_TEST((numbers(model) == before)); // three forwards measured
    BOOST_TEST((infer.forward(data.images).to_host() == at_first));
    training.commit();
    BOOST_TEST((numbers(model) != before));
    BOOST_TEST((infer.forward(data.images).to_host() != at_first));
}

BOOST_AUTO_TEST_CASE(a_hook_that_throws_changes_nothing) {
    auto model = hc::to<device>(begin<float>());
    auto const before = numbers(model);
    bool throws = true;
    auto watched = hc::attach<"fc2">(
        model, hc::on_parameter_gradient([&](auto const&, std::string_view, auto const& gradient) {
            if (throws)
                throw std::runtime_error{"no"};
            return gradient.to_host() * 2.0f;
        }));
    auto training = hc::training_plan<shape>(watched);
    part_of_data<float> const data{1};
    auto const slopes = xt::xtensor<float, 2>(std::array{batch, std::size_t{4}}, 0.25f);
    training.forward(data.images);
    BOOST_CHECK_THROW(training.backward(slopes), std::runtime_error);
    training.commit();
    BOOST_TEST((numbers(model) == before));
    BOOST_TEST((training.gradients().to_host() == 0.0f * training.gradients().to_host()));
    throws = false;
    training.forward(data.images);
    training.backward(slopes);
    BOOST_TEST((training.parameter_gradient("fc2.bias").to_host()(1) == 0.5f * batch));
}

BOOST_AUTO_TEST_CASE(norms_of_gradients) {
    using linear = hc::sequential<hc::named<"fc", hc::linear<200, 50>>>;
    auto model = hc::model<linear, float, device>{};
    hc::initialize(model, 1);
    auto training = hc::training_plan<hc::features<200>>(model);
    auto const values = device_harness::noise(model.size(), 2);
    auto const fill = [&] {
        training.forward(xt::xtensor<float, 2>(std::array<std::size_t, 2>{1, 200}, 1.0f));
        auto const view = training.gradients();
        view.device().stream->copy_in(view.data(), values.data(), values.size() * sizeof(float));
    };
    double squares = 0, cubes = 0, largest = 0;
    for (float const value : values) {
        double const size = std::abs(static_cast<double>(value));
        squares += size * size;
        cubes += size * size * size;
        largest = std::max(largest, size);
    }
    auto const clip = [&](double most, double type) {
        return device_harness::in_both_orders([&](auto&, auto) {
            fill();
            double const norm = hc::clip_gradient_norm(training, most, type);
            auto const left = training.gradients().to_host();
            std::vector<double> all{norm};
            all.insert(all.end(), left.begin(), left.end());
            return std::vector<std::vector<double>>{all};
        })[0];
    };
    auto const found = clip(1.0, 2);
    BOOST_TEST(found[0] == std::sqrt(squares), boost::test_tools::tolerance(1e-12));
    BOOST_TEST(found[8] == static_cast<double>(values[7]) / (found[0] + 1e-6),
               boost::test_tools::tolerance(1e-6));
    BOOST_TEST(clip(1e9, 3)[0] == std::cbrt(cubes), boost::test_tools::tolerance(1e-12));
    BOOST_TEST(clip(1e9, HUGE_VAL)[0] == largest);
    fill();
    hc::clip_gradient_value(training, 0.5);
    auto const left = training.gradients().to_host();
    for (std::size_t i = 0; i < values.size(); ++i)
        if (left(i) != std::clamp(values[i], -0.5f, 0.5f))
            BOOST_TEST(false, "element " << i);
}
