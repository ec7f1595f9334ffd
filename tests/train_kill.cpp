// A training that is killed at any moment leaves a whole checkpoint, from which another goes on to the same bits.

#define BOOST_TEST_MODULE train_kill
#include <boost/test/unit_test.hpp>

#include "temporary_folder.hpp"

#include <hookcam/data/data_loader.hpp>
#include <hookcam/data/to_tensor.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/train.hpp>

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace hc = hookcam;
namespace {

// Wide enough that writing it, with the optimiser's state, takes a good part of a step: a quarter of a megabyte.
using net = hc::sequential<hc::named<"conv", hc::conv2d<1, 4, hc::kernel<3>, hc::padding<1>>>,
                           hc::named<"bn", hc::batch_norm2d<4>>, hc::relu<>, hc::dropout<>, hc::flatten<>,
                           hc::named<"wide", hc::linear<144, 140>>, hc::named<"fc", hc::linear<140, 3>>>;
using clock_type = std::chrono::steady_clock;
using std::chrono::microseconds;

/// 41 noisy images of three classes.
struct noise {
    static std::size_t size() { return 41; }
    static hc::image_shape shape() { return {1, 6, 6}; }
    static std::int64_t read(std::size_t index, hc::image_span<float> image) {
        for (std::size_t y = 0; y < 6; ++y)
            for (std::size_t x = 0; x < 6; ++x)
                image(0, y, x) = std::sin(static_cast<float>(index * 36 + y * 6 + x) * 12.9898F);
        return static_cast<std::int64_t>(index % 3);
    }
};

/// A training of six batches an epoch; a checkpoint, where it has a path, is written after each of them. Returns what
/// `function(model, trainer, loader)` returns.
template <class Function>
auto with_training(std::filesystem::path const& path, std::int64_t epochs, std::size_t workers,
                   Function const& function) {
    noise const data;
    hc::data_loader loader{
        data, hc::to_tensor<float>{}, {.batch_size = 8, .shuffle = true, .seed = 5, .workers = workers}};
    hc::model<net> model;
    hc::initialize(model, 1);
    auto training = hc::training_plan<hc::image<1, 6, 6>>(model, hc::train_all{.seed = 7});
    auto optimizer = hc::adam(training);
    hc::cross_entropy<float> criterion;
    hc::trainer trainer{
        model, training, optimizer, criterion,
        hc::trainer_options{.epochs = epochs, .checkpoint = path, .checkpoint_every = 1, .output = nullptr}};
    return function(std::as_const(model), trainer, loader);
}

constexpr auto no_end = std::numeric_limits<std::int64_t>::max();

/// Goes on from the checkpoint until it is killed. At its third step it says how long one takes.
[[noreturn]] void train(std::filesystem::path const& path, int ready) {
    try {
        with_training(path, no_end, 1, [&](auto const&, auto& trainer, auto& loader) {
            if (std::filesystem::exists(path))
                trainer.resume(path);
            int steps = 0;
            clock_type::time_point last;
            trainer.before_step([&] {
                auto const now = clock_type::now();
                auto const took = std::chrono::duration_cast<microseconds>(now - last).count();
                last = now;
                if (++steps == 3 && write(ready, &took, sizeof took) != sizeof took)
                    _exit(1);
            });
            trainer.fit(loader);
        });
    } catch (...) {
    }
    _exit(1);
}

std::string bits_of(hc::model<net> const& model) {
    std::string bits(model.size() * sizeof(float), 0);
    std::memcpy(bits.data(), model.data(), bits.size());
    return bits;
}

} // namespace

BOOST_AUTO_TEST_CASE(killed_200_times) {
    temporary_folder const folder;
    auto const path = folder / "checkpoint.safetensors";
    std::mt19937 random{6};
    std::hash<std::string> const hash;
    std::vector<std::pair<std::int64_t, std::size_t>>
        left; // of each checkpoint: how many steps, and the model's bits
    std::int64_t epochs = 0;
    int killed = 0, beside = 0;
    constexpr int kills = 200;
    for (int i = 0; i < kills; ++i) {
        int ready[2];
        BOOST_REQUIRE(pipe(ready) == 0);
        auto const child = fork();
        BOOST_REQUIRE(child >= 0);
        if (child == 0)
            train(path, ready[1]);
        close(ready[1]);
        microseconds::rep took = 0;
        BOOST_REQUIRE(read(ready[0], &took, sizeof took) == sizeof took);
        std::this_thread::sleep_for(microseconds{random() % static_cast<std::uint32_t>(2 * took)});
        kill(child, SIGKILL);
        int status = 0;
        BOOST_REQUIRE(waitpid(child, &status, 0) == child);
        close(ready[0]);
        killed += WIFSIGNALED(status);
        BOOST_TEST(folder.size() <= 2u);
        beside += folder.size() == 2;

        with_training(path, no_end, 0, [&](auto const& model, auto& trainer, auto const&) {
            trainer.resume(path);
            left.emplace_back(trainer.steps(), hash(bits_of(model)));
            epochs = trainer.epochs();
        });
    }
    BOOST_TEST(killed == kills);
    BOOST_TEST(beside > 0); // some were killed while they wrote

    // Two more epochs, after the last kill and in one go.
    auto const resumed =
        with_training(path, epochs + 2, 0, [&](auto const& model, auto& trainer, auto& loader) {
            trainer.resume(path);
            BOOST_TEST(trainer.fit(loader));
            return bits_of(model);
        });
    std::vector<std::size_t> after; // so many steps, the model's bits
    auto const whole = with_training({}, epochs + 2, 0, [&](auto const& model, auto& trainer, auto& loader) {
        trainer.before_step([&] { after.push_back(hash(bits_of(model))); });
        BOOST_TEST(trainer.fit(loader));
        return bits_of(model);
    });
    BOOST_TEST((resumed == whole));
    BOOST_TEST(after.size() == static_cast<std::size_t>(6 * (epochs + 2)));
    int same = 0;
    std::int64_t before = 0;
    for (auto const& [step, bits] : left) {
        same += after.at(static_cast<std::size_t>(step)) == bits;
        BOOST_TEST(step >= before + 2); // what was saved stays
        before = step;
    }
    BOOST_TEST(same == kills);
    BOOST_TEST_MESSAGE("of " << kills << " kills " << beside << " left half a file beside a whole one; "
                             << before << " steps were made");
}
