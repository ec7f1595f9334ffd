// Optimisers, schedules and clipping: closed forms, groups, frozen parameters, and what is refused. train_pytorch
// compares with PyTorch.

#define BOOST_TEST_MODULE train_optimizers
#include <boost/test/unit_test.hpp>

#include "expect_error.hpp"
#include "given_gradients.hpp"

#include <hookcam/compose/named.hpp>
#include <hookcam/compose/sequential.hpp>
#include <hookcam/layers/batch_norm1d/batch_norm1d.hpp>
#include <hookcam/layers/linear/linear.hpp>
#include <hookcam/train.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace hc = hookcam;
namespace {

// Sizes that fill no vector register.
using net = hc::sequential<hc::named<"features", hc::sequential<hc::named<"0", hc::linear<5, 7>>,
                                                                hc::named<"1", hc::batch_norm1d<7>>>>,
                           hc::named<"fc", hc::linear<7, 3>>>;
using model = hc::model<net, double>;

void set_all(model& of, double value) {
    std::fill_n(of.data(), of.size(), value);
}
double at(model& of, std::string const& key, std::size_t index = 0) {
    return of.parameter(key).data()[index];
}
void give(given_gradients<model>& to, double gradient) {
    std::fill(to.gradients().begin(), to.gradients().end(), gradient);
}

auto const nearly = boost::test_tools::tolerance(1e-14);

} // namespace

BOOST_AUTO_TEST_CASE(sgd_goes_against_the_gradient) {
    model m;
    set_all(m, 1);
    given_gradients<model> training{m};
    auto optimizer = hc::sgd(training, {.learning_rate = 0.5});
    give(training, 0.25);
    optimizer.step();
    for (auto const& entry : m.entries())
        for (std::size_t i = 0; i < entry.size; ++i)
            BOOST_TEST(entry.data[i] == (entry.is_learned ? 0.875 : 1)); // statistics are not its business
    BOOST_TEST(training.commits == 1u);
}

BOOST_AUTO_TEST_CASE(momentum_sums_up_a_geometric_series) {
    model m;
    given_gradients<model> training{m};
    auto optimizer = hc::sgd(training, {.learning_rate = 1, .momentum = 0.5});
    set_all(m, 0);
    give(training, 1);
    double sum = 0;
    double buffer = 0;
    for (int step = 0; step < 10; ++step) {
        optimizer.step();
        buffer = buffer * 0.5 + 1;
        sum -= buffer;
    }
    BOOST_TEST(at(m, "fc.weight", 20) == sum, nearly);
    // Dampening takes half of every gradient but the first.
    auto damped = hc::sgd(training, {.learning_rate = 1, .momentum = 0.5, .dampening = 0.5});
    set_all(m, 0);
    damped.step();
    damped.step();
    BOOST_TEST(at(m, "fc.bias", 2) == -2, nearly); // 1, then 0.5 + 0.5
}

BOOST_AUTO_TEST_CASE(the_first_step_of_adam_is_the_learning_rate_whatever_the_gradient) {
    for (double const gradient : {1e-3, 1.0, -1e3}) {
        model m;
        set_all(m, 0);
        given_gradients<model> training{m};
        auto optimizer = hc::adam(training, {.learning_rate = 0.1, .eps = 0});
        give(training, gradient);
        optimizer.step();
        BOOST_TEST(at(m, "features.0.weight", 34) == -std::copysign(0.1, gradient), nearly);
        optimizer.step(); // with a constant gradient every step is as long
        BOOST_TEST(at(m, "features.0.weight", 34) == -2 * std::copysign(0.1, gradient), nearly);
    }
}

BOOST_AUTO_TEST_CASE(adamw_decays_weights_and_adam_gradients) {
    model m;
    set_all(m, 2);
    given_gradients<model> training{m};
    auto decoupled = hc::adamw(training, {.learning_rate = 0.1, .weight_decay = 0.5});
    decoupled.step(); // without a gradient Adam goes nowhere
    BOOST_TEST(at(m, "fc.weight") == 2 * (1 - 0.1 * 0.5), nearly);
    set_all(m, 2);
    auto coupled = hc::adam(training, {.learning_rate = 0.1, .eps = 0, .weight_decay = 0.5});
    coupled.step(); // the decay is the gradient, whose size does not matter
    BOOST_TEST(at(m, "fc.weight") == 1.9, nearly);
}

BOOST_AUTO_TEST_CASE(rmsprop_divides_by_the_root_mean_square) {
    model m;
    set_all(m, 0);
    given_gradients<model> training{m};
    auto optimizer = hc::rmsprop(training, {.learning_rate = 0.1, .alpha = 0.75, .eps = 0});
    give(training, -3);
    optimizer.step();
    BOOST_TEST(at(m, "fc.weight") == 0.2, nearly); // 3 / sqrt(0.25 · 9) = 2
}

BOOST_AUTO_TEST_CASE(what_is_frozen_stays_and_is_not_remembered) {
    model m;
    set_all(m, 1);
    given_gradients<model> training{m};
    training.frozen = {0};
    auto optimizer = hc::adam(training, {.learning_rate = 0.1, .weight_decay = 1});
    give(training, 1);
    for (int step = 0; step < 3; ++step)
        optimizer.step();
    BOOST_TEST(at(m, "features.0.weight") == 1);
    BOOST_TEST(at(m, "features.0.bias") < 0.8);
    // Its first step after it was freed is its first.
    training.frozen.clear();
    optimizer.step();
    BOOST_TEST(at(m, "features.0.weight", 3) == 0.9, boost::test_tools::tolerance(1e-7)); // eps
    std::map<std::string, std::int64_t> steps;
    optimizer.visit_state([&]<class... More>(std::string const& name, More&&... more) {
        if constexpr (sizeof...(More) == 1 &&
                      (std::is_same_v<std::remove_cvref_t<More>, std::int64_t> && ...))
            steps[name] = (more, ...);
    });
    BOOST_TEST(steps.at("features.0.weight.step") == 1);
    BOOST_TEST(steps.at("features.0.bias.step") == 4);
    BOOST_TEST(!steps.contains("features.1.running_mean.step"));
}

BOOST_AUTO_TEST_CASE(groups_by_path) {
    model m;
    set_all(m, 0);
    given_gradients<model> training{m};
    auto optimizer = hc::sgd(training, {.learning_rate = 1},
                             {{"features", {.learning_rate = 2}},
                              {"features.1", {.learning_rate = 4}},
                              {"fc.bias", {.learning_rate = 8}}});
    give(training, 1);
    optimizer.step();
    BOOST_TEST(at(m, "fc.weight") == -1);
    BOOST_TEST(at(m, "features.0.weight") == -2);
    BOOST_TEST(at(m, "features.0.bias") == -2);
    BOOST_TEST(at(m, "features.1.weight") == -4); // the longer path wins
    BOOST_TEST(at(m, "fc.bias") == -8);
    BOOST_TEST(at(m, "features.1.running_var") == 0);
    optimizer.groups()[3].options.learning_rate = 0;
    optimizer.step();
    BOOST_TEST(at(m, "fc.bias") == -8);
    BOOST_TEST(at(m, "fc.weight") == -2);
    BOOST_TEST(optimizer.learning_rate() == 1);
}

BOOST_AUTO_TEST_CASE(the_last_numbers_of_a_tensor_go_as_the_others) {
    // 35 and 21 numbers: with the same gradient every one must have the same bits.
    hc::model<net, float> m;
    std::fill_n(m.data(), m.size(), 0.7F);
    given_gradients<hc::model<net, float>> training{m};
    auto optimizer = hc::adam(training, {.weight_decay = 0.1, .amsgrad = true});
    for (int step = 1; step < 5; ++step) {
        std::fill(training.gradients().begin(), training.gradients().end(), 0.3F / static_cast<float>(step));
        optimizer.step();
    }
    for (auto const* key : {"features.0.weight", "fc.weight", "fc.bias"}) {
        auto const view = m.parameter(key);
        BOOST_TEST(std::all_of(view.begin(), view.end(),
                               [&](float x) { return x == m.parameter("fc.weight").data()[0]; }));
    }
}

BOOST_AUTO_TEST_CASE(clipping) {
    model m;
    given_gradients<model> training{m};
    auto const gradients = training.gradients();
    give(training, 0);
    gradients[3] = 3;
    gradients.back() = -4;
    BOOST_TEST(hc::clip_gradient_norm(training, 10) == 5);
    BOOST_TEST(gradients[3] == 3); // short enough
    BOOST_TEST(hc::clip_gradient_norm(training, 10, std::numeric_limits<double>::infinity()) == 4);
    BOOST_TEST(hc::clip_gradient_norm(training, 10, 1) == 7, nearly);
    BOOST_TEST(hc::clip_gradient_norm(training, 2.5) == 5);
    BOOST_TEST(gradients[3] == 3 * 2.5 / (5 + 1e-6), nearly);
    BOOST_TEST(gradients.back() == -4 * 2.5 / (5 + 1e-6), nearly);
    hc::clip_gradient_value(training, 1.75);
    BOOST_TEST(gradients.back() == -1.75);
    BOOST_TEST(gradients[3] == 3 * 2.5 / (5 + 1e-6), nearly);
    gradients[0] = std::numeric_limits<double>::quiet_NaN();
    hc::clip_gradient_value(training, 1);
    BOOST_TEST(std::isnan(gradients[0]));
    BOOST_TEST(gradients.back() == -1);
    for (double const type : {1.0, 2.0, 3.0, std::numeric_limits<double>::infinity()})
        BOOST_TEST(std::isnan(hc::clip_gradient_norm(training, 1, type)));
    expect_error(hc::error_kind::use, {"norm_type must be positive"},
                 [&] { hc::clip_gradient_norm(training, 1, 0); });
}

BOOST_AUTO_TEST_CASE(schedules_start_from_every_groups_own_rate) {
    model m;
    given_gradients<model> training{m};
    auto optimizer = hc::sgd(training, {.learning_rate = 8}, {{"fc", {.learning_rate = 4}}});
    hc::scheduler schedule{optimizer, hc::sequential_lr{{2},
                                                        hc::linear_lr{.start_factor = 0.5, .total_iters = 2},
                                                        hc::step_lr{.step_size = 1, .gamma = 0.5}}};
    std::vector<double> rates;
    for (int step = 0; step < 5; ++step) {
        rates.push_back(optimizer.learning_rate());
        BOOST_TEST(optimizer.groups()[1].options.learning_rate == rates.back() / 2);
        schedule.step();
    }
    BOOST_TEST(rates == (std::vector<double>{4, 6, 8, 4, 2}), boost::test_tools::per_element());
}

/// A schedule of one's own, which says nothing.
struct always {
    static double learning_rate(double base, std::int64_t) { return base; }
};

BOOST_AUTO_TEST_CASE(schedules_say_what_was_chosen) {
    BOOST_TEST((hc::step_lr{.step_size = 30}.describe()) == "step_lr{.step_size = 30}");
    BOOST_TEST((hc::multi_step_lr{.milestones = {30, 80}, .gamma = 0.5}.describe()) ==
               "multi_step_lr{{30, 80}, .gamma = 0.5}");
    BOOST_TEST((hc::cosine_annealing_lr{.t_max = 9, .eta_min = 1e-5}.describe()) ==
               "cosine_annealing_lr{.t_max = 9, .eta_min = 1e-05}");
    BOOST_TEST(
        (hc::one_cycle_lr{.max_learning_rate = 0.1, .total_steps = 20, .three_phase = true}.describe()) ==
        "one_cycle_lr{.max_learning_rate = 0.1, .total_steps = 20, .three_phase = 1}");
    BOOST_TEST((hc::sequential_lr{{5}, hc::linear_lr{}, always{}}.describe()) ==
               "sequential_lr{{5}, linear_lr{}, a schedule}");
}

BOOST_AUTO_TEST_CASE(one_cycle_moves_momentum_the_other_way) {
    model m;
    given_gradients<model> training{m};
    auto optimizer = hc::adam(training);
    hc::scheduler schedule{optimizer, hc::one_cycle_lr{.max_learning_rate = 1, .total_steps = 20}};
    BOOST_TEST(optimizer.learning_rate() == 1 / 25.0, nearly);
    BOOST_TEST(optimizer.groups()[0].options.betas[0] == 0.95);
    for (int step = 0; step < 5; ++step) // the top is at 0.3 · 20 − 1
        schedule.step();
    BOOST_TEST(optimizer.learning_rate() == 1, nearly);
    BOOST_TEST(optimizer.groups()[0].options.betas[0] == 0.85, nearly);
    for (int step = 5; step < 19; ++step)
        schedule.step();
    BOOST_TEST(optimizer.learning_rate() == 1 / 25.0 / 1e4, boost::test_tools::tolerance(1e-10));
    schedule.step();
    expect_error(hc::error_kind::use, {"no more steps than total_steps, 20"}, [&] { schedule.step(); });
}

BOOST_AUTO_TEST_CASE(what_is_refused) {
    using kind = hc::error_kind;
    model m;
    given_gradients<model> training{m};
    expect_error(kind::use, {"sgd", "learning_rate must not be negative; got -1"},
                 [&] { (void)hc::sgd(training, {.learning_rate = -1}); });
    expect_error(kind::use, {"nesterov must have momentum"},
                 [&] { (void)hc::sgd(training, {.nesterov = true}); });
    expect_error(kind::use, {"dampening must be a number; got nan"}, [&] {
        (void)hc::sgd(training, {.momentum = 1, .dampening = std::numeric_limits<double>::quiet_NaN()});
    });
    expect_error(kind::use, {"betas must be"}, [&] { (void)hc::adam(training, {.betas = {0.9, 1}}); });
    expect_error(kind::use, {"rmsprop", "alpha"}, [&] {
        (void)hc::rmsprop(training, {}, {{"fc", {.alpha = -1}}});
    });
    expect_error(kind::use, {"\"f\" does not", "features.0.weight", "fc.bias"}, [&] {
        (void)hc::sgd(training, {}, {{"f", {}}});
    });
    expect_error(kind::use, {"\"features.1.running_mean\" does not"}, [&] {
        (void)hc::sgd(training, {}, {{"features.1.running_mean", {}}});
    });
    expect_error(kind::use, {"different paths", "\"fc\""}, [&] {
        (void)hc::sgd(training, {}, {{"fc", {}}, {"fc", {}}});
    });
    auto optimizer = hc::sgd(training);
    expect_error(kind::use, {"step_size must be at least 1"}, [&] {
        hc::scheduler{optimizer, hc::step_lr{0}};
    });
    expect_error(kind::use, {"t_max"}, [&] { hc::scheduler{optimizer, hc::cosine_annealing_lr{0}}; });
    expect_error(kind::use, {"start_factor"}, [&] {
        hc::scheduler{optimizer, hc::linear_lr{.start_factor = 0}};
    });
    expect_error(kind::use, {"milestones must be positive and rise"}, [&] {
        hc::scheduler{optimizer, hc::sequential_lr{{0}, hc::step_lr{1}, hc::step_lr{1}}};
    });
}
