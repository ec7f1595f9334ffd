// A program that is killed while it saves leaves the old file or the new one, whole, whenever that happens.

#define BOOST_TEST_MODULE io_kill
#include "io_files.hpp"
#include "temporary_folder.hpp"

#include <hookcam/compose/named.hpp>
#include <hookcam/compose/sequential.hpp>
#include <hookcam/io.hpp>
#include <hookcam/layers/linear/linear.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

using namespace io_files;
namespace fs = std::filesystem;
namespace hc = hookcam;

namespace {

// Two networks, so that the files are of two lengths: a megabyte, and half of one.
using wide = hc::sequential<hc::named<"fc", hc::linear<512, 512>>>;
using narrow = hc::sequential<hc::named<"fc", hc::linear<512, 256>>>;

template <class Network>
hc::model<Network> filled(float value) {
    hc::model<Network> model;
    std::fill_n(model.data(), model.size(), value);
    return model;
}

template <class Network>
bool loads_as(fs::path const& path, hc::model<Network> const& saved) {
    auto const loaded = hc::load<Network>(path);
    return std::memcmp(loaded.data(), saved.data(), saved.size() * sizeof(float)) == 0;
}

using clock = std::chrono::steady_clock;
using std::chrono::microseconds;

/// Kills 100 programs that save two models to the same path in turns, each at a random moment of its third or
/// fourth save. What one leaves, the next one finds.
void kill_savers(std::string const& name, std::uint32_t seed) {
    temporary_folder const folder;
    auto const path = folder / name;
    auto const a = filled<wide>(1);
    auto const b = filled<narrow>(2);
    hc::save(path, b);
    auto const file_of_b = slurp(path);
    hc::save(path, a);
    auto const file_of_a = slurp(path);

    std::mt19937 random{seed};
    constexpr int kills = 100;
    int killed = 0, whole = 0, with_a = 0, with_b = 0, inside = 0;
    for (int i = 0; i < kills; ++i) {
        int ready[2];
        BOOST_REQUIRE(pipe(ready) == 0);
        auto const child = fork();
        BOOST_REQUIRE(child >= 0);
        if (child == 0) {
            try {
                for (;;) {
                    auto const begin = clock::now();
                    hc::save(path, b);
                    hc::save(path, a);
                    // Says how long two saves take here and now.
                    auto const took = std::chrono::duration_cast<microseconds>(clock::now() - begin).count();
                    if (write(ready[1], &took, sizeof took) != sizeof took) {
                        _exit(1);
                    }
                }
            } catch (...) {
                _exit(1);
            }
        }
        close(ready[1]);
        microseconds::rep took = 0;
        BOOST_REQUIRE(read(ready[0], &took, sizeof took) == sizeof took);
        std::this_thread::sleep_for(microseconds{random() % static_cast<std::uint32_t>(took)});
        kill(child, SIGKILL);
        int status = 0;
        BOOST_REQUIRE(waitpid(child, &status, 0) == child);
        close(ready[0]);
        killed += WIFSIGNALED(status);

        auto const left = slurp(path);
        if (left == file_of_a) {
            ++with_a;
            whole += loads_as(path, a);
        } else if (left == file_of_b) {
            ++with_b;
            whole += loads_as(path, b);
        }
        BOOST_TEST(folder.size() <= 2u); // the next save takes away what is left of one
        inside += folder.size() == 2;
    }
    BOOST_TEST(killed == kills);
    BOOST_TEST(whole == kills);
    // The kills were spread: some before a new file took its name, and after either model.
    BOOST_TEST(inside > 0);
    BOOST_TEST(with_a > 0);
    BOOST_TEST(with_b > 0);
    BOOST_TEST_MESSAGE(name << ", seed " << seed << ": of " << kills << " kills " << inside
                            << " left half a file beside a whole one; " << with_a << " left the first model, "
                            << with_b << " the second");

    hc::save(path, a);
    BOOST_TEST(folder.size() == 1u);
}

} // namespace

BOOST_AUTO_TEST_CASE(killed_while_saving_pth) {
    kill_savers("m.pth", 4);
}
BOOST_AUTO_TEST_CASE(killed_while_saving_safetensors) {
    kill_savers("m.safetensors", 5);
}
