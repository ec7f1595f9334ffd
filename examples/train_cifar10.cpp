// Trains a network on CIFAR-10, counts what it gets right of the test set, and shows where it looks.

#include "networks/cifar_resnet.hpp"
#include "networks/simple_cnn.hpp"
#include "tools/command_line.hpp"
#include "tools/device.hpp"

#include <hookcam/cuda.hpp>
#include <hookcam/data.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/io.hpp>
#include <hookcam/train.hpp>
#include <hookcam/viz.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace fs = std::filesystem;
namespace hc = hookcam;

constexpr std::array options{tools::option{"--data", "DIR"},
                             tools::option{"--network", "simple_cnn|resnet20", false},
                             tools::option{"--epochs", "N", false},
                             tools::option{"--seed", "N", false},
                             tools::option{"--augment", "", false},
                             tools::option{"--limit", "N", false},
                             tools::option{"--threads", "N", false},
                             tools::option{"--weights", "FILE", false},
                             tools::option{"--resume", "FILE", false},
                             tools::option{"--out", "DIR", false},
                             tools::device_option};

constexpr std::size_t batch_size = 64;
constexpr std::size_t workers = 2; // threads that prepare batches

/// What differs from network to network.
struct simple_cnn {
    using network = networks::simple_cnn;
    static constexpr auto name = "simple_cnn";
    static constexpr hc::fixed_string layer = "conv3"; ///< where Grad-CAM looks
    static constexpr hc::normalization pixels = hc::cifar10_half;
    static constexpr double highest_rate = 0.003; ///< of one cycle
    static auto make_optimizer(auto& training) { return hc::adam(training, {.learning_rate = 0.001}); }
};
struct resnet20 {
    using network = networks::cifar_resnet<20>;
    static constexpr auto name = "resnet20";
    static constexpr hc::fixed_string layer = "layer3";
    static constexpr hc::normalization pixels{.mean = {.485, .456, .406}, .deviation = {.229, .224, .225}};
    static constexpr double highest_rate = 0.1;
    static auto make_optimizer(auto& training) {
        return hc::sgd(training,
                       {.learning_rate = 0.02, .momentum = 0.9, .weight_decay = 5e-4, .nesterov = true});
    }
};

/// The losses, and what of the training and the test set was right.
void draw_curves(fs::path const& path, std::string const& title, std::vector<hc::training_row> const& rows) {
    hc::curve loss{.name = "training"}, test_loss{.name = "test"};
    hc::curve right{.name = "training"}, test_right{.name = "test"};
    for (auto const& row : rows) {
        auto const step = static_cast<double>(row.step);
        loss.x.push_back(step);
        loss.y.push_back(row.loss);
        right.x.push_back(step);
        right.y.push_back(row.accuracy);
        if (row.validation_loss == row.validation_loss) { // a number
            test_loss.x.push_back(step);
            test_loss.y.push_back(row.validation_loss);
            test_right.x.push_back(step);
            test_right.y.push_back(row.validation_accuracy);
        }
    }
    hc::save_png(
        path, hc::curves(title, {{.title = "loss", .x_title = "step", .curves = {loss, test_loss}},
                                 {.title = "accuracy", .x_title = "step", .curves = {right, test_right}}}));
}

/// A picture of the test set, what the network sees in it, and both over one another.
template <class Recipe, class Model>
void draw_grad_cam(fs::path const& path, Model const& model, hc::cifar10 const& test) {
    std::size_t const index = 102;
    auto const picture = test.picture(index);
    auto const image = hc::image_tensor<float>(picture, Recipe::pixels);
    auto const cam = hc::grad_cam<Recipe::layer>(model, image);
    std::span const heat{cam.heatmap.data(), cam.heatmap.size()};
    auto const label = static_cast<std::size_t>(test.label(index));
    hc::figure figure{12, 4};
    figure.add({picture, "Original: " + std::string{hc::cifar10_classes[label]}})
        .add(hc::heat_panel(heat, 32, 32, "Grad-CAM: " + std::string{hc::cifar10_classes[cam.target[0]]}))
        .add({hc::overlay(picture, heat, hc::jet, 0.4), "Overlay"})
        .save_png(path);
}

/// Trains on a device, and returns the exit status.
template <class Recipe, class Device>
int train_on(tools::command_line const& line) {
    auto const epochs = line.find_number("--epochs", 1, 100000).value_or(1);
    auto const seed = line.find_number("--seed", 0, std::numeric_limits<std::size_t>::max()).value_or(1);
    auto const limit = line.find_number("--limit", 1, 50000).value_or(50000);
    hc::set_num_threads(line.find_number("--threads", 1, 256).value_or(1));
    auto const weights = line.find("--weights");
    auto const resumed = line.find_file("--resume");
    fs::path const out = line.find("--out").value_or(".");
    fs::path const folder = line.folder("--data");
    auto const checkpoint = out / "checkpoint.safetensors";

    hc::cifar10 const test{folder, hc::cifar10_part::test};
    hc::subset const tested{test, 0, std::min(limit, test.size())};
    auto const numbers = hc::compose(hc::to_tensor<float>{}, hc::normalize(Recipe::pixels));
    hc::data_loader test_batches{tested, numbers, {.batch_size = 100, .workers = workers}};
    hc::cross_entropy<float> criterion;
    fs::create_directories(out);

    using network = typename Recipe::network;
    auto model = hc::model<network, float, Device>{};
    if (weights && fs::exists(*weights) && !resumed) {
        hc::model<network> here;
        hc::load_state_dict(here, hc::read_weights(*weights));
        model = hc::to<Device>(here);
    } else {
        if (weights && !fs::exists(*weights)) { // what cannot be saved is said now, not behind the training
            hc::save(*weights, hc::model<network>{});
            fs::remove(*weights);
        }
        hc::cifar10 const all{folder, hc::cifar10_part::train};
        hc::subset const some{all, 0, std::min(limit, all.size())};
        // Without --augment the window is the whole image, and nothing is mirrored.
        bool const augment = line.has("--augment");
        auto const transform =
            hc::compose(hc::random_crop{.height = 32, .width = 32, .padding = augment ? 4U : 0U},
                        hc::random_horizontal_flip{augment ? 0.5 : 0.0}, hc::to_tensor<float>{},
                        hc::normalize(Recipe::pixels));
        hc::data_loader batches{
            some, transform, {.batch_size = batch_size, .shuffle = true, .seed = seed, .workers = workers}};

        hc::initialize(model, seed);
        auto training = hc::training_plan<hc::image<3, 32, 32>>(model, hc::train_all{.seed = seed});
        auto optimizer = Recipe::make_optimizer(training);
        hc::trainer trainer{model, training, optimizer, criterion,
                            hc::trainer_options{.epochs = static_cast<std::int64_t>(epochs),
                                                .log = out / "log.csv",
                                                .checkpoint = checkpoint}};
        // It goes on as it began, or not at all.
        trainer.checkpoint()
            .require("--network", Recipe::name)
            .require("--epochs", std::to_string(epochs))
            .require("--seed", std::to_string(seed))
            .require("--augment", augment ? "yes" : "no")
            .require("--limit", std::to_string(limit));
        // One epoch goes at one rate, as the tutorial's; more go up and down.
        auto const steps = static_cast<std::int64_t>(epochs * batches.size());
        std::optional<hc::scheduler<decltype(optimizer), hc::one_cycle_lr>> cycle;
        if (epochs > 1) {
            cycle.emplace(optimizer,
                          hc::one_cycle_lr{.max_learning_rate = Recipe::highest_rate, .total_steps = steps});
            trainer.step_each_batch(*cycle);
        }
        if (resumed)
            trainer.resume(*resumed);
        if (!trainer.fit(batches, test_batches)) {
            std::cout << "go on with the same arguments and --resume " << checkpoint.string() << '\n';
            return 130; // as shells say of Ctrl-C
        }
        draw_curves(out / "curves.png", std::string{Recipe::name} + " on CIFAR-10", trainer.rows());
        if (weights)
            hc::save(*weights, hc::to<hc::cpu>(model));
    }
    hc::save(out / "model.safetensors", hc::to<hc::cpu>(model));
    draw_grad_cam<Recipe>(out / "grad_cam.png", model, test);
    auto const result = hc::evaluate<hc::image<3, 32, 32>>(std::as_const(model), test_batches, criterion);
    std::cout << result.correct << " of " << result.count << " correct\n";
    return 0;
}

/// The same where the user says.
template <class Recipe>
int train(tools::command_line const& line) {
    [[maybe_unused]] auto const on = tools::find_device(line);
#if defined(TOOLS_HAVE_CUDA)
    if (on == tools::device::cuda)
        return train_on<Recipe, hc::cuda>(line);
#endif
    return train_on<Recipe, hc::cpu>(line);
}

} // namespace

int main(int count, char** arguments) {
    int status = 0;
    auto const failed = tools::run_tool(
        "train_cifar10", options, std::span{arguments, static_cast<std::size_t>(count)}.subspan(1),
        [&status](tools::command_line const& line) {
            auto const network = line.find("--network").value_or(simple_cnn::name);
            if (network == simple_cnn::name)
                status = train<simple_cnn>(line);
            else if (network == resnet20::name)
                status = train<resnet20>(line);
            else
                throw tools::wrong_use{"--network must be simple_cnn or resnet20; it is \"" + network + '"'};
        });
    return failed != 0 ? failed : status;
}
