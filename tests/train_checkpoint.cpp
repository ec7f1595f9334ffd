// Checkpoints: a training that was stopped goes on as if it had never been, and a file that does not fit changes nothing.

#define BOOST_TEST_MODULE train_checkpoint
#include <boost/test/unit_test.hpp>

#include "expect_error.hpp"
#include "given_gradients.hpp"
#include "temporary_folder.hpp"

#include <hookcam/compose/named.hpp>
#include <hookcam/compose/sequential.hpp>
#include <hookcam/io/read_weights.hpp>
#include <hookcam/io/save.hpp>
#include <hookcam/io/write_safetensors.hpp>
#include <hookcam/layers/batch_norm1d/batch_norm1d.hpp>
#include <hookcam/layers/linear/linear.hpp>
#include <hookcam/train.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace hc = hookcam;
namespace {

using net = hc::sequential<hc::named<"a", hc::linear<5, 7>>, hc::named<"bn", hc::batch_norm1d<7>>,
                           hc::named<"b", hc::linear<7, 3>>>;

/// Gradients that depend on parameters and step as those of a network would.
template <class T>
void give_gradients(hc::model<net, T>& model, given_gradients<hc::model<net, T>>& to, std::int64_t step) {
    for (std::size_t i = 0; i < model.size(); ++i)
        to.gradients()[i] = std::sin(model.data()[i] * static_cast<T>(step + 1) + static_cast<T>(i));
}

/// A training with an optimiser that `make` makes, all parts of a checkpoint.
template <class T, class Make>
struct run {
    explicit run(Make const& make)
        : optimizer{make(training)},
          schedule{optimizer, hc::cosine_annealing_lr{.t_max = 9}} {
        for (std::size_t i = 0; i < model.size(); ++i)
            model.data()[i] = static_cast<T>(i) / 64;
        state.add("model", model).add("optimizer", optimizer).add("schedule", schedule).add("step", step);
    }

    hc::model<net, T> model;
    given_gradients<hc::model<net, T>> training{model};
    decltype(std::declval<Make>()(training)) optimizer;
    hc::scheduler<decltype(optimizer), hc::cosine_annealing_lr> schedule;
    std::int64_t step = 0;
    hc::checkpoint state;

    void go(int steps) {
        for (int i = 0; i < steps; ++i) {
            give_gradients(model, training, step);
            optimizer.step();
            schedule.step();
            ++step;
        }
    }
};

template <class T, class Make>
void stop_and_go_on(Make const& make) {
    temporary_folder const folder;
    auto const path = folder / "checkpoint.safetensors";
    run<T, Make> never_stopped{make}, stopped{make};
    never_stopped.go(8);
    stopped.go(5);
    stopped.state.save(path);
    run<T, Make> resumed{make};
    resumed.go(2); // whatever was done before
    resumed.state.load(path);
    BOOST_TEST(resumed.step == 5);
    resumed.go(3);
    BOOST_TEST(
        std::memcmp(resumed.model.data(), never_stopped.model.data(), resumed.model.size() * sizeof(T)) == 0);
    BOOST_TEST(resumed.optimizer.learning_rate() == never_stopped.optimizer.learning_rate());
}

/// A part of one's own.
struct table {
    std::vector<double>* of;
    void visit_state(auto const& visit) { visit("rows", *of, 3); }
};

/// One that says the same name twice.
struct twice {
    double a = 1, b = 2;
    void visit_state(auto const& visit) {
        visit("same", a);
        visit("same", b);
    }
};

std::string slurp(std::filesystem::path const& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

} // namespace

BOOST_AUTO_TEST_CASE(resuming_gives_the_same_bits_as_never_having_stopped) {
    stop_and_go_on<float>(
        [](auto& to) { return hc::sgd(to, {.learning_rate = 0.1, .momentum = 0.9, .dampening = 0.1}); });
    stop_and_go_on<float>([](auto& to) { return hc::adam(to, {.weight_decay = 0.1, .amsgrad = true}); });
    stop_and_go_on<double>([](auto& to) { return hc::adamw(to, {}, {{"a", {.learning_rate = 0.01}}}); });
    stop_and_go_on<float>([](auto& to) { return hc::rmsprop(to, {.momentum = 0.5, .centered = true}); });
}

BOOST_AUTO_TEST_CASE(what_a_file_holds) {
    temporary_folder const folder;
    auto const path = folder / "c.safetensors";
    hc::model<net> model;
    given_gradients<hc::model<net>> training{model};
    auto optimizer = hc::adam(training);
    auto const changes = model.changes();
    std::uint64_t seed = 0xfedcba9876543210;
    double best = 0.1;
    std::vector<double> rows{1, 2, 3, 4, 5, 6};
    table history{&rows};
    hc::checkpoint state;
    state.add("model", model)
        .add("optimizer", optimizer)
        .add("seed", seed)
        .add("best", best)
        .add("history", history)
        .require("data", "made up");
    state.save(path);
    BOOST_TEST(model.changes() == changes); // saving changes nothing
    auto const file = hc::read_weights(path);
    // The model; steps and two slots each; options; the rest; the version, which optimiser, and what is required.
    BOOST_TEST(file.size() == 8u + 6 * 3 + 5 + 3 + 3);
    BOOST_TEST((file.find("hookcam.checkpoint")->bytes == std::vector{std::byte{'1'}}));
    BOOST_TEST((file.find("data")->shape == std::vector<std::size_t>{7}));
    BOOST_REQUIRE(file.find("optimizer.bn.weight.exp_avg_sq") != nullptr);
    BOOST_TEST(file.find("optimizer.bn.running_mean.exp_avg") == nullptr);
    BOOST_TEST(file.find("optimizer.groups.0.learning_rate")->to<double>()[0] == 1e-3);
    BOOST_TEST((file.find("history.rows")->shape == std::vector<std::size_t>{2, 3}));
    state.save(folder / "again.safetensors");
    BOOST_TEST((slurp(path) == slurp(folder / "again.safetensors")));

    seed = 1;
    best = 2;
    rows = {9, 9, 9};
    state.load(path);
    BOOST_TEST(seed == 0xfedcba9876543210);
    BOOST_TEST(best == 0.1);
    BOOST_TEST(rows == (std::vector<double>{1, 2, 3, 4, 5, 6}), boost::test_tools::per_element());
    BOOST_TEST(model.changes() > changes); // plans read it anew
}

BOOST_AUTO_TEST_CASE(a_file_that_does_not_fit_changes_nothing) {
    using kind = hc::error_kind;
    temporary_folder const folder;
    auto const path = folder / "c.safetensors";
    auto const make = [](auto& to) { return hc::adam(to); };
    run<float, decltype(make)> one{make};
    one.go(3);

    auto const before = std::vector<float>(one.model.data(), one.model.data() + one.model.size());
    one.state.save(folder / "before.safetensors");
    auto const refuse = [&](std::vector<std::string> const& words) {
        expect_error(kind::file, words, [&] { one.state.load(path); });
        BOOST_TEST(std::equal(before.begin(), before.end(), one.model.data()));
        one.state.save(folder / "after.safetensors");
        BOOST_TEST((slurp(folder / "before.safetensors") == slurp(folder / "after.safetensors")));
    };

    refuse({"c.safetensors", "must exist"});
    hc::save(path, one.model); // weights alone
    refuse({"must be a checkpoint, and does not say of which version", "hookcam::load"});
    {
        hc::state_dict later{"made up"};
        later.insert("hookcam.checkpoint", {hc::dtype::u8, {1}, {std::byte{'2'}}});
        hc::write_safetensors(path, later);
        refuse({"must be a checkpoint of version 1, and is one of version 2"});
    }
    {
        run<double, decltype(make)> two{make};
        two.state.save(path);
        refuse(
            {"must be a checkpoint of these parts; of another shape or type: model.a.weight, model.a.bias, "
             "model.bn.weight and 17 more"});
    }
    hc::checkpoint part; // others that it must have are missing
    part.add("step", one.step);
    part.save(path);
    refuse({"missing: model.a.weight, model.a.bias, model.bn.weight and "});
    // A file that was cut anywhere.
    auto const whole = slurp(folder / "before.safetensors");
    for (std::size_t const size :
         {std::size_t{0}, std::size_t{7}, std::size_t{100}, whole.size() / 2, whole.size() - 1}) {
        std::ofstream{path, std::ios::binary} << whole.substr(0, size);
        refuse({"c.safetensors"});
    }
}

BOOST_AUTO_TEST_CASE(another_training_is_refused_by_name) {
    temporary_folder const folder;
    auto const path = folder / "c.safetensors";
    hc::model<net> model;
    given_gradients<hc::model<net>> training{model};
    auto const saved = [&](auto& optimizer, auto schedule, std::string const& seed) {
        hc::scheduler stepped{optimizer, std::move(schedule)};
        hc::checkpoint state;
        state.add("model", model).add("optimizer", optimizer).add("rate", stepped).require("seed", seed);
        state.save(path);
    };
    auto optimizer = hc::adam(training, {}, {{"a", {.learning_rate = 1}}});
    hc::scheduler schedule{optimizer, hc::cosine_annealing_lr{.t_max = 9}};
    hc::checkpoint state;
    state.add("model", model).add("optimizer", optimizer).add("rate", schedule).require("seed", "1");
    state.save(folder / "before.safetensors");
    auto const refuse = [&](std::string const& how) {
        expect_error(hc::error_kind::file,
                     {"hookcam::checkpoint: ", "c.safetensors: must be of this training; " + how +
                                                   "; go on with what it was written with, or begin anew"},
                     [&] { state.load(path); });
        state.save(folder / "after.safetensors");
        BOOST_TEST((slurp(folder / "before.safetensors") == slurp(folder / "after.safetensors")));
    };

    hc::cosine_annealing_lr const same{.t_max = 9};
    auto sgd = hc::sgd(training, {.momentum = 0.9, .nesterov = true});
    saved(sgd, same, "1");
    refuse("optimizer: \"sgd with Nesterov's momentum\" in the file, \"adam, a by adam\" here");
    auto other_groups = hc::adam(training, {.amsgrad = true}, {{"b", {}}});
    saved(other_groups, same, "1");
    refuse("optimizer: \"adam with amsgrad, b by adam\" in the file, \"adam, a by adam\" here");
    auto adam = hc::adam(training, {}, {{"a", {.learning_rate = 0.5}}});
    saved(adam, hc::cosine_annealing_lr{.t_max = 10}, "2");
    refuse(
        "rate: \"cosine_annealing_lr{.t_max = 10}\" in the file, \"cosine_annealing_lr{.t_max = 9}\" here; "
        "seed: \"2\" in the file, \"1\" here");

    saved(adam, same, "1"); // the rates are those of the file
    state.load(path);
    BOOST_TEST(optimizer.groups()[1].options.learning_rate == 0.5);
}

BOOST_AUTO_TEST_CASE(names_are_taken_once) {
    std::int64_t a = 0;
    hc::checkpoint state;
    state.add("epoch", a);
    expect_error(hc::error_kind::use, {"different names", "\"epoch\""}, [&] { state.add("epoch", a); });
    expect_error(hc::error_kind::use, {"different names", "\"epoch\""}, [&] { state.require("epoch", "1"); });
    twice part;
    state.add("part", part);
    temporary_folder const folder;
    expect_error(hc::error_kind::use, {"hookcam::checkpoint", "two have \"part.same\""},
                 [&] { state.save(folder / "c.safetensors"); });
}
