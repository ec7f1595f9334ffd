// Trained networks on all 10,000 test pictures of CIFAR-10: the counts that are known for them.

#define BOOST_TEST_MODULE tools_accuracy
#include "run_program.hpp"

#include <hookcam/io.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <string>

namespace hc = hookcam;
namespace fs = std::filesystem;

namespace {

fs::path const shared = HOOKCAM_SHARED_DIR;
fs::path const folder = shared / "data/weights";
std::string const test_set = shared / "data/cifar10/test_batch.bin";

bool is_there(fs::path const& weights) {
    bool const there = !shared.empty() && fs::exists(weights) && fs::exists(test_set);
    if (!there)
        BOOST_TEST_MESSAGE("skipped: " << weights << " or " << test_set << " is not there");
    return there;
}

void expect(std::string const& network, fs::path const& weights, std::string const& output) {
    if (!is_there(weights))
        return;
    auto const result =
        run_program(HOOKCAM_EVALUATE, {"--network", network, "--weights", weights, "--data", test_set});
    BOOST_TEST(result.status == 0);
    BOOST_TEST(result.output == output);
}

} // namespace

BOOST_AUTO_TEST_CASE(simple_cnn) {
    expect("simple_cnn", fs::path{HOOKCAM_SOURCE_DIR} / "examples/data/cifar10_cnn.safetensors",
           "8058 of 10000 correct\n");
}

BOOST_AUTO_TEST_CASE(resnet20_from_a_legacy_stream) {
    expect("resnet20", folder / "resnet20-12fca82f.th", "9173 of 10000 correct\n");
}

BOOST_AUTO_TEST_CASE(resnet44_from_a_legacy_stream) {
    expect("resnet44", folder / "resnet44-014dd654.th", "9310 of 10000 correct\n");
}

BOOST_AUTO_TEST_CASE(resnet44_from_safetensors) {
    expect("resnet44", folder / "resnet44-014dd654.safetensors", "9310 of 10000 correct\n");
}

BOOST_AUTO_TEST_CASE(resnet20_from_safetensors_and_its_logits) {
    auto const weights = folder / "resnet20-12fca82f.safetensors";
    auto const reference = shared / "reference/torch/resnet20.safetensors";
    if (!is_there(weights) || !is_there(reference))
        return;
    temporary_folder const out;
    auto const result = run_program(HOOKCAM_EVALUATE, {"--network", "resnet20", "--weights", weights,
                                                       "--data", test_set, "--logits", out / "logits.npy"});
    BOOST_TEST(result.status == 0);
    BOOST_TEST(result.output == "9173 of 10000 correct\n");
    auto const logits = hc::read_npy<float>(out / "logits.npy");
    auto const torch = hc::read_weights(reference);
    auto const expected = torch.find("logits")->to<float>();
    BOOST_REQUIRE(logits.values.size() == expected.size());
    float largest = 0;
    for (std::size_t i = 0; i < expected.size(); ++i)
        largest = std::max(largest, std::abs(logits.values[i] - expected[i]));
    BOOST_TEST(largest < 1e-4f); // PyTorch is 1.8e-5 off its own float64
}
