// A training that is killed at any moment leaves a whole checkpoint, from which another goes on to the same bits.

#define BOOST_TEST_MODULE train_kill
#include <boost/test/unit_test.hpp>

#include "given_gradients.hpp"
#include "temporary_folder.hpp"

#include <hookcam/compose/named.hpp>
#include <hookcam/compose/sequential.hpp>
#include <hookcam/layers/linear/linear.hpp>
#include <hookcam/train.hpp>

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <random>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

namespace hc = hookcam;
namespace {

// Enough that writing it takes a while: half a megabyte with the optimiser's state.
using net = hc::sequential<hc::named<"a", hc::linear<256, 160>>>;
using model_type = hc::model<net>;
using clock_type = std::chrono::steady_clock;
using std::chrono::microseconds;

struct run {
    model_type model;
    given_gradients<model_type> training{model};
    decltype(hc::adam(training)) optimizer = hc::adam(training);
    std::int64_t step = 0;
    hc::checkpoint state;

    run() { state.add("model", model).add("optimizer", optimizer).add("step", step); }

    void go() {
        for (std::size_t i = 0; i < model.size(); ++i)
            training.gradients()[i] =
                std::sin(model.data()[i] + static_cast<float>(step) + static_cast<float>(i));
        optimizer.step();
        ++step;
    }
};

/// Goes on from the checkpoint until it is killed. After two steps it says how long one takes.
[[noreturn]] void train(std::filesystem::path const& path, int ready) {
    try {
        run one;
        if (std::filesystem::exists(path))
            one.state.load(path);
        for (int i = 0;; ++i) {
            auto const begin = clock_type::now();
            one.go();
            one.state.save(path);
            auto const took = std::chrono::duration_cast<microseconds>(clock_type::now() - begin).count();
            if (i == 1 && write(ready, &took, sizeof took) != sizeof took)
                break;
        }
    } catch (...) {
    }
    _exit(1);
}

} // namespace

BOOST_AUTO_TEST_CASE(killed_200_times) {
    temporary_folder const folder;
    auto const path = folder / "checkpoint.safetensors";
    std::mt19937 random{6};
    run never_stopped;
    int killed = 0, same = 0, beside = 0;
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

        run left;
        left.state.load(path);
        while (never_stopped.step < left.step)
            never_stopped.go();
        same += left.step == never_stopped.step && std::memcmp(left.model.data(), never_stopped.model.data(),
                                                               left.model.size() * sizeof(float)) == 0;
        BOOST_TEST(folder.size() <= 2u);
        beside += folder.size() == 2;
    }
    BOOST_TEST(killed == kills);
    BOOST_TEST(same == kills);
    BOOST_TEST(beside > 0); // some were killed while they wrote
    BOOST_TEST(never_stopped.step >= 2 * kills);
    BOOST_TEST_MESSAGE("of " << kills << " kills " << beside << " left half a file beside a whole one; "
                             << never_stopped.step << " steps were made");
}
