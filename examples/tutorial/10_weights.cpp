// Weights that are there are loaded; else they are trained first, and saved. Here both happen, one after the other. Then
// what training makes of a network: its filters and maps before and after.
//     10_weights [FOLDER [FILE.pth [CIFAR-10]]]
#include "training.hpp"

#include <hookcam/data.hpp>
#include <hookcam/io.hpp>
#include <hookcam/train/accuracy.hpp>
#include <hookcam/train/initialize.hpp>
#include <hookcam/viz.hpp>

#include <filesystem>
#include <iostream>
#include <string>

namespace fs = std::filesystem;

/// The model of a file, which is made where it is not there.
hc::model<simple_cnn> trained(fs::path const& file, auto const& train_it) {
    if (fs::exists(file)) {
        std::cout << file.filename().string() << " is there\n";
        return hc::load<simple_cnn>(file);
    }
    std::cout << file.filename().string() << " is not there: it is trained\n";
    auto const model = train_it();
    hc::save(file, model); // for PyTorch, too
    return model;
}

/// A row of panels: the filters of the first convolution, and what the three make of a picture.
void add_row(hc::figure& figure, hc::model<simple_cnn> const& model, xt::xtensor<float, 4> const& image,
             std::string const& when) {
    figure.add({hc::filter_grid(model.parameter("conv1.weight")), "conv1's filters " + when});
    auto const maps = hc::activations<"conv1", "conv2", "conv3">(model, image);
    figure.add({hc::feature_grid(hc::get<"conv1">(maps), {.most = 16}), "conv1's maps"});
    figure.add({hc::feature_grid(hc::get<"conv2">(maps), {.most = 16}), "conv2's"});
    figure.add({hc::feature_grid(hc::get<"conv3">(maps), {.most = 16}), "conv3's"});
}

int main(int count, char** arguments) {
    fs::path const folder = count > 1 ? arguments[1] : "examples/data";
    fs::path const file = count > 2 ? arguments[2] : "own_cifar10_cnn.pth";
    hc::cifar10_file const pictures{folder / "cifar10_test_200.bin"};
    auto const images = hc::image_tensor<float>(pictures, 0, pictures.size(), hc::cifar10_half);
    std::vector<std::int64_t> labels;
    for (std::size_t i = 0; i < pictures.size(); ++i)
        labels.push_back(static_cast<std::int64_t>(pictures.label(i)));
    auto const train_it = [&] {
        return count > 3 ? train(hc::cifar10{arguments[3]}, 1, 100) : train(hc::cifar10{pictures}, 3, 4);
    };

    if (count <= 2)
        fs::remove(file); // of the last time
    // There is no mode to switch: who calls a model, or makes a plan of it, infers; a training plan trains.
    auto const first = trained(file, train_it)(images);
    auto const second = trained(file, train_it)(images);
    std::cout << (first == second ? "the same logits\n" : "other logits\n");
    auto const shipped = hc::load<simple_cnn>(folder / "cifar10_cnn.safetensors");
    std::cout << "those of examples/data: " << hc::correct_count(shipped(images), labels)
              << " of 200 correct\n";

    auto fresh = hc::model<simple_cnn>{};
    hc::initialize(fresh, 1);
    auto const frog = hc::image_tensor<float>(pictures, 102, 1, hc::cifar10_half);
    hc::figure figure{12, 5.2, {.columns = 4}};
    add_row(figure, fresh, frog, "before");
    add_row(figure, shipped, frog, "after");
    figure.save_png("before_and_after.png");
}
