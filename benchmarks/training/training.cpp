// What a step of a training takes, batches and all, and by how much the peak of memory grows in the first three.
// training.py runs it beside PyTorch:
//
//     training_speed FOLDER simple_cnn|resnet20 THREADS
//
// answers with `growth KILOBYTES`, then each line `run STEPS` with `seconds SECONDS`.
#include "../../examples/networks/cifar_resnet.hpp"
#include "../../examples/networks/simple_cnn.hpp"

#include <hookcam/data.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/train.hpp>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

namespace hc = hookcam;

namespace {

/// The most memory that was ever resident since `forget_peak`, in kilobytes.
long peak() {
    std::ifstream status{"/proc/self/status"};
    std::string word;
    while (status >> word)
        if (word == "VmHWM:")
            break;
    long kilobytes = 0;
    status >> kilobytes;
    return kilobytes;
}

void forget_peak() {
    std::ofstream{"/proc/self/clear_refs"} << 5;
}

/// The recipes of examples/train_cifar10.
struct simple_cnn {
    using network = networks::simple_cnn;
    static constexpr hc::normalization pixels = hc::cifar10_half;
    static auto make_optimizer(auto& training) { return hc::adam(training, {.learning_rate = 0.001}); }
};
struct resnet20 {
    using network = networks::cifar_resnet<20>;
    static constexpr hc::normalization pixels{.mean = {.485, .456, .406}, .deviation = {.229, .224, .225}};
    static auto make_optimizer(auto& training) {
        return hc::sgd(training,
                       {.learning_rate = 0.02, .momentum = 0.9, .weight_decay = 5e-4, .nesterov = true});
    }
};

template <class Recipe>
void serve(std::string const& folder) {
    hc::cifar10 const data{folder, hc::cifar10_part::train};
    hc::data_loader loader{data,
                           hc::compose(hc::to_tensor{}, hc::normalize(Recipe::pixels)),
                           {.batch_size = 64, .shuffle = true, .drop_last = true, .seed = 1}};
    hc::model<typename Recipe::network> model;
    hc::initialize(model, 1);
    hc::cross_entropy<float> criterion;

    forget_peak();
    long const before = peak();
    auto training = hc::training_plan<hc::image<3, 32, 32>>(model);
    auto optimizer = Recipe::make_optimizer(training);
    auto batch = loader.begin();
    auto const run = [&](int steps) {
        for (; steps > 0; --steps, ++batch) {
            if (batch == loader.end())
                batch = loader.begin();
            auto const loss = criterion(training.forward(batch->images), batch->labels);
            training.backward(loss.gradient);
            optimizer.step();
        }
    };
    run(3);
    std::printf("growth %ld\n", peak() - before);
    std::fflush(stdout);

    std::string command;
    for (int steps = 0; std::cin >> command >> steps;) {
        auto const begin = std::chrono::steady_clock::now();
        run(steps);
        std::chrono::duration<double> const time = std::chrono::steady_clock::now() - begin;
        std::printf("seconds %.6f\n", time.count());
        std::fflush(stdout);
    }
}

} // namespace

int main(int count, char** arguments) {
    std::string const network = count == 4 ? arguments[2] : "";
    if (network != "simple_cnn" && network != "resnet20") {
        std::fputs(
            "training_speed FOLDER simple_cnn|resnet20 THREADS: the folder of CIFAR-10's binary version\n",
            stderr);
        return 2;
    }
    hc::set_num_threads(static_cast<std::size_t>(std::atoi(arguments[3])));
    if (network == "simple_cnn")
        serve<simple_cnn>(arguments[1]);
    else
        serve<resnet20>(arguments[1]);
}
