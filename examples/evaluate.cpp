// Counts how many pictures of a CIFAR-10 file a network classifies as their labels say.

#include "tools/command_line.hpp"
#include "tools/networks.hpp"
#include "tools/progress_bar.hpp"

#include <hookcam/data/cifar10.hpp>
#include <hookcam/data/image_tensor.hpp>
#include <hookcam/io/npy.hpp>
#include <hookcam/io/read_weights.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <iostream>
#include <limits>
#include <span>
#include <vector>

namespace {

namespace hc = hookcam;

constexpr std::array options{tools::option{"--network", "NAME"}, tools::option{"--weights", "FILE"},
                             tools::option{"--data", "FILE.bin"}, tools::option{"--limit", "N", false},
                             tools::option{"--logits", "FILE.npy", false}};

constexpr std::size_t classes = hc::cifar10_classes.size();
constexpr std::size_t batch_size = 100;

/// The logits of the first `count` pictures, row by row.
std::vector<float> logits_of(tools::network& network, hc::cifar10_file const& data, std::size_t count,
                             hc::normalization const& how) {
    std::vector<float> logits;
    logits.reserve(count * classes);
    tools::progress_bar progress{count};
    for (std::size_t begin = 0; begin < count; begin += batch_size) {
        auto const end = std::min(begin + batch_size, count);
        auto const batch = network.logits(hc::image_tensor<float>(data, begin, end - begin, how));
        logits.insert(logits.end(), batch.data(), batch.data() + batch.size());
        progress.show(end);
    }
    return logits;
}

void evaluate(tools::command_line const& line) {
    auto const& entry = tools::find_network(line.text("--network"));
    auto const limit = line.find_number("--limit", 1, std::numeric_limits<std::size_t>::max());
    auto const& weights = line.file("--weights");
    hc::cifar10_file const data{line.file("--data")};
    auto const count = std::min(data.size(), limit.value_or(data.size()));

    auto const network = entry.make();
    network->load(hc::read_weights(weights));
    auto const logits = logits_of(*network, data, count, entry.input);
    if (auto const to = line.find("--logits"))
        hc::write_npy<float>(*to, logits, std::array{count, classes});

    std::size_t correct = 0;
    for (std::size_t i = 0; i < count; ++i) {
        auto const row = std::span{logits}.subspan(i * classes, classes);
        auto const predicted = static_cast<std::size_t>(std::ranges::max_element(row) - row.begin());
        correct += predicted == data.label(i) ? 1 : 0;
    }
    std::cout << correct << " of " << count << " correct\n";
}

} // namespace

int main(int count, char** arguments) {
    return tools::run_tool("evaluate", options,
                           std::span{arguments, static_cast<std::size_t>(count)}.subspan(1), evaluate);
}
