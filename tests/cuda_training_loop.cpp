#define BOOST_TEST_MODULE cuda_training_loop
#include <boost/test/unit_test.hpp>

#include "device_harness.hpp"
#include "temporary_folder.hpp"

#include <hookcam/cuda.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/train/adamw.hpp>
#include <hookcam/train/cross_entropy.hpp>
#include <hookcam/train/evaluate.hpp>
#include <hookcam/train/initialize.hpp>
#include <hookcam/train/mse_loss.hpp>
#include <hookcam/train/rmsprop.hpp>
#include <hookcam/train/trainer.hpp>
#include <hookcam/train/training_plan.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

// What stands around a training plan, where the model is on a device: the trainer, checkpoints, evaluation, losses.

namespace hc = hookcam;

namespace {

using device = device_harness::device_type;
using net = hc::sequential<hc::named<"conv", hc::conv2d<1, 4, hc::kernel<3>, hc::padding<1>, hc::no_bias>>,
                           hc::named<"bn", hc::batch_norm2d<4>>, hc::relu<>, hc::dropout<>, hc::max_pool2d<2>,
                           hc::flatten<>, hc::named<"fc", hc::linear<36, 3>>>;
using shape = hc::image<1, 6, 6>;

struct batch {
    xt::xtensor<float, 4> images = xt::xtensor<float, 4>::from_shape({5, 1, 6, 6});
    std::vector<std::int64_t> labels = std::vector<std::int64_t>(5);
};
using batches = std::vector<batch>;

/// Noise over three kinds of stripes.
batches some_batches() {
    batches all(3);
    std::uint32_t number = 0;
    for (auto& one : all) {
        auto const noise = device_harness::noise(one.images.size(), ++number);
        for (std::size_t i = 0; i < noise.size(); ++i) {
            std::size_t const image = i / 36;
            auto const label = (image + number) % 3;
            one.labels[image] = static_cast<std::int64_t>(label);
            one.images.data()[i] = noise[i] + (i % 36 / 12 == label ? 1.0f : 0.0f);
        }
    }
    return all;
}

/// A whole training.
template <class Model>
struct run {
    explicit run(std::filesystem::path const& checkpoint, std::int64_t epochs)
        : training{hc::training_plan<shape>(model, hc::train_all{.seed = 7})},
          optimizer{
              hc::rmsprop(training, {.learning_rate = 0.01, .eps = 0.01, .momentum = 0.5, .centered = true})},
          loop{model, training, optimizer, criterion,
               hc::trainer_options{.epochs = epochs, .checkpoint = checkpoint, .output = nullptr}} {
        hc::initialize(model, 1);
    }

    Model model;
    decltype(hc::training_plan<shape>(std::declval<Model&>(), hc::train_all{})) training;
    decltype(hc::rmsprop(training)) optimizer;
    hc::cross_entropy<float> criterion;
    hc::trainer<Model, decltype(training), decltype(optimizer), hc::cross_entropy<float>> loop;
    batches data = some_batches();

    std::vector<float> numbers() const {
        auto const here = hc::to<hc::cpu>(model);
        return {here.data(), here.data() + here.size()};
    }
};
using on_device = run<hc::model<net, float, device>>;
using on_cpu = run<hc::model<net>>;

} // namespace

BOOST_AUTO_TEST_CASE(resumed_it_makes_the_same_bits_as_if_it_had_never_stopped) {
    temporary_folder const folder;
    on_device whole{folder / "whole.safetensors", 3};
    BOOST_TEST(whole.loop.fit(whole.data, whole.data));
    auto const rows = whole.loop.rows();
    BOOST_TEST(rows.back().loss < rows.front().loss);
    BOOST_TEST(rows.back().validation_accuracy > 0.5);

    auto const path = folder / "stopped.safetensors";
    on_device first{path, 1};
    first.loop.fit(first.data, first.data);
    on_device second{path, 3};
    auto infer = hc::plan<shape>(second.model);
    auto const before = infer.forward(second.data[0].images).to_host();
    second.loop.resume(path);
    BOOST_TEST((infer.forward(second.data[0].images).to_host() != before));
    BOOST_TEST((second.numbers() == first.numbers()));
    BOOST_TEST(second.loop.fit(second.data, second.data));
    BOOST_TEST((second.numbers() == whole.numbers()));
    BOOST_TEST(second.loop.rows().back().loss == rows.back().loss);
    BOOST_TEST(second.loop.rows().back().validation_loss == rows.back().validation_loss);
}

BOOST_AUTO_TEST_CASE(a_file_goes_from_the_processor_to_a_device_and_back) {
    temporary_folder const folder;
    on_cpu here{folder / "here.safetensors", 1};
    here.loop.fit(here.data);
    on_device there{folder / "there.safetensors", 2};
    there.loop.resume(folder / "here.safetensors");
    BOOST_TEST((there.numbers() == here.numbers()));
    there.loop.fit(there.data);
    on_cpu back{folder / "back.safetensors", 2};
    back.loop.resume(folder / "there.safetensors");
    BOOST_TEST((back.numbers() == there.numbers()));

    on_cpu expected{folder / "expected.safetensors", 2};
    expected.loop.fit(expected.data);
    auto const numbers = expected.numbers();
    device_harness::check_near("parameters", there.numbers(), device_harness::widened(numbers), 1e-4);

    auto const evaluated = [](auto& of) { return hc::evaluate<shape>(of.model, of.data, of.criterion); };
    auto const a = evaluated(back), b = evaluated(there);
    BOOST_TEST(a.correct == b.correct);
    BOOST_TEST(a.loss == b.loss, boost::test_tools::tolerance(1e-6));
}

BOOST_AUTO_TEST_CASE(the_first_output_that_is_not_finite_is_named) {
    temporary_folder const folder;
    on_device one{folder / "one.safetensors", 1};
    auto wild = hc::to<hc::cpu>(one.model);
    wild.parameter("fc.weight").fill(3e38f);
    one.model = hc::to<device>(wild);
    auto const before = one.numbers();
    BOOST_CHECK_EXCEPTION(one.loop.fit(one.data), hc::error, [](hc::error const& said) {
        return std::string{said.what()}.find("the layer \"fc\", a linear<36, 3>") != std::string::npos;
    });
    BOOST_TEST((one.numbers() == before));
}

BOOST_AUTO_TEST_CASE(losses_read_what_is_on_a_device) {
    device_harness::stream_type stream;
    auto const values = device_harness::noise(12, 1);
    xt::xtensor<float, 2> here = xt::xtensor<float, 2>::from_shape({4, 3});
    std::copy(values.begin(), values.end(), here.begin());
    hc::device_tensor<float, 2, device> const there{device{&stream}, here};
    hc::mse_loss<float> loss;
    auto const target = xt::xtensor<float, 2>(here * 0.5f);
    auto const expected = loss(here, target).value;
    BOOST_TEST(loss(there, target).value == expected);
    BOOST_TEST(loss(here, hc::device_tensor<float, 2, device>{device{&stream}, target}).value == expected);
    BOOST_TEST((hc::predicted_classes(there) == hc::predicted_classes(here)));
}

BOOST_AUTO_TEST_CASE(adamw_is_that_of_the_processor) {
    using linear = hc::sequential<hc::named<"fc", hc::linear<7, 3>>>;
    auto const stepped = [](auto& model) {
        using T = typename std::remove_reference_t<decltype(model)>::value_type;
        hc::initialize(model, 1);
        auto training = hc::training_plan<hc::features<7>>(model);
        auto optimizer = hc::adamw(training, {.learning_rate = 0.1, .eps = 0.01, .weight_decay = 0.5});
        for (std::uint32_t number = 1; number <= 3; ++number) {
            auto x = xt::xtensor<T, 2>::from_shape({2, 7});
            auto const values = device_harness::noise(14, number);
            std::copy(values.begin(), values.end(), x.begin());
            training.forward(x);
            training.backward(xt::xtensor<T, 2>(std::array<std::size_t, 2>{2, 3}, T(0.5)));
            optimizer.step();
        }
        auto const here = hc::to<hc::cpu>(model);
        return std::vector<T>(here.data(), here.data() + here.size());
    };
    hc::model<linear, double> expected;
    hc::model<linear, float, device> found;
    auto const numbers = stepped(expected);
    device_harness::check_near("parameters", stepped(found), numbers);
}
