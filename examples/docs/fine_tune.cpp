// Fine-tuning (docs/how-to/train.md): what was trained on ten classes learns to tell animals from vehicles.
//     fine_tune WEIGHTS PICTURES
#include <hookcam/data/cifar10_dataset.hpp>
#include <hookcam/data/image_tensor.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/io/load_state_dict.hpp>
#include <hookcam/io/read_weights.hpp>
#include <hookcam/train.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <utility>
#include <vector>

namespace hc = hookcam;

// The tutorial's network with two classes in place of ten: the last layer keeps its name, and has another shape.
using network = hc::sequential<                                                         //
    hc::named<"conv1", hc::conv2d<3, 32, hc::kernel<3>, hc::padding<1>>>, hc::relu<>,   //
    hc::max_pool2d<2>,                                                                  //
    hc::named<"conv2", hc::conv2d<32, 64, hc::kernel<3>, hc::padding<1>>>, hc::relu<>,  //
    hc::max_pool2d<2>,                                                                  //
    hc::named<"conv3", hc::conv2d<64, 128, hc::kernel<3>, hc::padding<1>>>, hc::relu<>, //
    hc::max_pool2d<2>,                                                                  //
    hc::flatten<>,                                                                      //
    hc::named<"fc1", hc::linear<2048, 512>>, hc::relu<>,                                //
    hc::named<"fc2", hc::linear<512, 2>>>;

/// Pictures, and whether an animal is in them.
struct batch {
    xt::xtensor<float, 4> images;
    std::vector<std::int64_t> labels;

    batch(hc::cifar10_file const& file, std::size_t first, std::size_t count)
        : images{hc::image_tensor<float>(file, first, count, hc::cifar10_half)} {
        for (std::size_t i = first; i < first + count; ++i)
            labels.push_back(file.label(i) >= 2 && file.label(i) <= 7 ? 1 : 0); // bird to horse
    }
};

/// The parameters that differ.
void print_changed(hc::model<network> const& now, hc::model<network> const& before) {
    std::cout << "changed:";
    for (std::size_t i = 0; i < now.entries().size(); ++i) {
        auto const entry = now.entries()[i];
        if (!std::equal(entry.data, entry.data + entry.size, before.entries()[i].data))
            std::cout << ' ' << entry.key;
    }
    std::cout << '\n';
}

int main(int, char** arguments) {
    auto model = hc::model<network>{};
    hc::initialize(model, 1);
    auto const report = hc::load_state_dict(model, hc::read_weights(arguments[1]), {.strict = false});
    for (auto const& difference : report.mismatched)
        std::cout << difference << '\n';
    std::cout << report.missing.size() << " missing, " << report.unexpected.size() << " unexpected\n";

    hc::cifar10_file const file{arguments[2]};
    batch const shown{file, 0, 64}, others{file, 100, 100};
    auto criterion = hc::cross_entropy<float>{};
    auto const loss_now = [&] { return criterion(model(shown.images), shown.labels).value; };
    auto const loaded = model;
    auto const at_first = loss_now();

    std::cout << "# the last layer learns\n";
    auto tuning =
        hc::training_plan<hc::image<3, 32, 32>>(model, hc::freeze<"conv1", "conv2", "conv3", "fc1">{});
    auto optimizer = hc::adam(tuning, {.learning_rate = 0.01});
    for (int step = 0; step < 10; ++step) {
        auto const loss = criterion(tuning.forward(shown.images), shown.labels);
        tuning.backward(loss.gradient);
        optimizer.step();
    }
    print_changed(model, loaded);
    auto const tuned = loss_now();
    std::cout << (tuned < at_first / 3 ? "the loss is less than a third of what it was\n" : "?\n")
              << (hc::correct_count(model(others.images), others.labels) > 80
                      ? "it is right of more than 80 of 100 other pictures\n"
                      : "?\n");

    std::cout << "# all of it learns, the front more slowly\n";
    auto whole = hc::training_plan<hc::image<3, 32, 32>>(model);
    auto slowly = hc::adam(whole, {.learning_rate = 1e-5}, {{"fc2", {.learning_rate = 1e-3}}});
    for (int step = 0; step < 2; ++step) {
        auto const loss = criterion(whole.forward(shown.images), shown.labels);
        whole.backward(loss.gradient);
        slowly.step();
    }
    print_changed(model, loaded);
    std::cout << (loss_now() < tuned ? "the loss is less again\n" : "?\n");
}
