#define BOOST_TEST_MODULE training_resume
#include "layer_harness.hpp"
#include "temporary_folder.hpp"

#include <hookcam/hookcam.hpp>
#include <hookcam/train.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

// A training plan with an optimiser and a checkpoint: batch norm, dropout and a frozen part go on with the same bits.

namespace hc = hookcam;

namespace {

using network =
    hc::sequential<hc::named<"front", hc::conv2d<1, 2, hc::kernel<3>>>,
                   hc::named<"conv", hc::conv2d<2, 3, hc::kernel<3>>>, hc::named<"bn", hc::batch_norm2d<3>>,
                   hc::relu<>, hc::dropout<>, hc::flatten<>, hc::named<"fc", hc::linear<12, 3>>>;
using shape = hc::image<1, 6, 6>;

xt::xtensor<float, 4> images(std::uint32_t seed) {
    xt::xtensor<float, 4> x = xt::xtensor<float, 4>::from_shape({4, 1, 6, 6});
    auto const values = harness::noise(x.size(), seed);
    std::transform(values.begin(), values.end(), x.data(), [](double v) { return static_cast<float>(v); });
    return x;
}

/// A model that learns, and all that its training must remember.
struct learner {
    hc::model<network> model{};
    decltype(hc::training_plan<shape>(model, hc::freeze<"front">{})) training;
    decltype(hc::adam(training)) optimizer;
    hc::cross_entropy<float> criterion{};
    std::int64_t step = 0;

    explicit learner(std::uint64_t seed)
        : training{(hc::initialize(model, seed),
                    hc::training_plan<shape>(model, hc::freeze<"front">{.seed = seed}))},
          optimizer{hc::adam(training, {.learning_rate = 0.01})} {}

    void run(int steps) {
        std::vector<std::int64_t> const labels{0, 1, 2, 1};
        for (int i = 0; i < steps; ++i, ++step) {
            auto const loss = criterion(training.forward(images(static_cast<std::uint32_t>(step))), labels);
            training.backward(loss.gradient);
            hc::clip_gradient_norm(training, 1.0);
            optimizer.step();
        }
    }
    [[nodiscard]] std::vector<float> parameters() const {
        return {std::as_const(model).data(), std::as_const(model).data() + model.size()};
    }
    void keep(hc::checkpoint& in) { in.add("model", training).add("optimizer", optimizer).add("step", step); }
};

} // namespace

BOOST_AUTO_TEST_CASE(a_training_goes_on_from_a_checkpoint_with_the_same_bits) {
    temporary_folder const folder;
    auto const file = folder / "checkpoint.safetensors";
    learner whole{1};
    auto const frozen = whole.model.parameter("front.weight")(0, 0, 0, 0);
    whole.run(3);
    hc::checkpoint out;
    whole.keep(out);
    out.save(file);
    auto const then = whole.parameters();
    whole.run(4);

    learner resumed{99}; // of another beginning, with other masks
    hc::checkpoint in;
    resumed.keep(in);
    in.load(file);
    BOOST_TEST((resumed.parameters() == then));
    BOOST_TEST(resumed.step == 3);
    BOOST_TEST(resumed.training.moment().seed == 1U);
    BOOST_TEST(resumed.training.moment().step == 3U);
    resumed.run(4);
    BOOST_TEST((resumed.parameters() == whole.parameters()));
    BOOST_TEST((whole.parameters() != then));
    BOOST_TEST(whole.model.parameter("front.weight")(0, 0, 0, 0) == frozen);
    BOOST_TEST(whole.model.parameter("bn.running_var")(1) != 1.f);
}
