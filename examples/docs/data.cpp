// What docs/how-to/data.md shows.
#include "../networks/simple_cnn.hpp"

#include <hookcam/core/progress.hpp>
#include <hookcam/data.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/io.hpp>
#include <hookcam/train/accuracy.hpp>
#include <hookcam/train/confusion_matrix.hpp>
#include <hookcam/viz.hpp>

#include <cmath>
#include <filesystem>
#include <iostream>
#include <vector>

namespace hc = hookcam;

namespace {

/// Gray stripes; the label says which way they run.
struct stripes {
    std::size_t size() const { return 1000; }
    hc::image_shape shape() const { return {1, 8, 8}; }
    std::int64_t read(std::size_t index, hc::image_span<std::uint8_t> image) const {
        bool const upright = index % 2 == 0;
        for (std::size_t y = 0; y < 8; ++y)
            for (std::size_t x = 0; x < 8; ++x)
                image(0, y, x) = (upright ? x : y) % 2 == 0 ? 255 : 0;
        return upright ? 1 : 0;
    }
};

/// Makes an image brighter or darker, as chance will have it.
struct random_brightness {
    float most;

    void operator()(hc::image_span<float> image, hc::random_draws& random) const {
        auto const factor = 1 + most * static_cast<float>(2 * random.uniform() - 1);
        for (auto& value : image.values())
            value *= factor;
    }
};

/// One epoch of CIFAR-10 as PyTorch's tutorials have it.
void official(std::filesystem::path const& folder) {
    auto const data = hc::cifar10{folder, hc::cifar10_part::train};
    auto const transforms =
        hc::compose(hc::random_crop{.height = 32, .width = 32, .padding = 4}, hc::random_horizontal_flip{},
                    hc::to_tensor{}, hc::normalize(hc::cifar10_half));
    auto loader =
        hc::data_loader(data, transforms, {.batch_size = 64, .shuffle = true, .seed = 1, .workers = 1});
    std::size_t images = 0;
    for (auto const& batch : loader)
        images += batch.size(); // batch.images: 64,3,32,32; batch.labels: 64 numbers
    std::cout << images << " images in " << loader.size() << " batches\n";
}

void pictures(std::filesystem::path const& folder) {
    hc::image_folder const data{folder, {.height = 64, .width = 64}};
    for (auto const& name : data.classes())
        std::cout << name << '\n';
    hc::data_loader loader{data, {.batch_size = 32, .shuffle = true, .workers = 2}};
    std::cout << loader.size() << " batches\n";
}

void curves(std::filesystem::path const& file) {
    std::vector<double> losses;     // one a step
    std::vector<double> accuracies; // one an epoch
    for (int step = 0; step < 400; ++step)
        losses.push_back(0.8 + 1.5 * std::exp(-step / 100.0) + 0.1 * std::sin(step * step));
    for (int epoch = 0; epoch < 4; ++epoch)
        accuracies.push_back(0.7 - 0.25 * std::exp(-epoch));
    hc::chart const loss{
        .title = "loss", .x_title = "step", .curves = {{.name = "training", .y = losses, .smooth = 50}}};
    hc::chart const accuracy{
        .title = "accuracy", .x_title = "epoch", .curves = {{.name = "test", .y = accuracies}}};
    hc::save_png(file, hc::curves("SimpleCNN on CIFAR-10", {loss, accuracy}));
}

/// The filters of the first convolution of a new model and of a trained one.
void filters(hc::model<networks::simple_cnn> const& after, std::filesystem::path const& file) {
    hc::model<networks::simple_cnn> before;
    auto first = before.parameter("conv1.weight");
    hc::counter_random const random{1, hc::random_use::initialization};
    for (std::size_t i = 0; i < first.size(); ++i)
        first.data()[i] = random.uniform<float>(i) - 0.5F;

    hc::figure sheet{10, 3};
    sheet.add({hc::filter_grid(before.parameter("conv1.weight"), {}, {.columns = 8}), "before"});
    sheet.add({hc::filter_grid(after.parameter("conv1.weight"), {}, {.columns = 8}), "after"});
    sheet.save_png(file);
}

} // namespace

int main(int count, char** arguments) {
    auto const model = hc::load<networks::simple_cnn>(arguments[1]);
    hc::cifar10 const data{hc::cifar10_file{arguments[2]}};

    std::cout << "# what is right\n";
    hc::data_loader loader{
        data, hc::compose(hc::to_tensor{}, hc::normalize(hc::cifar10_half)), {.batch_size = 64}};
    auto infer = hc::plan<hc::image<3, 32, 32>>(model);
    hc::confusion_matrix counts{10};
    hc::progress_bar bar{loader.size(), {.label = "test"}};
    for (auto const& batch : loader) {
        auto const logits = infer(batch.images);
        counts.add(logits, batch.labels);
        bar.advance();
    }
    bar.finish();
    std::cout << counts.correct() << " of " << counts.total() << " correct\n";
    std::cout << counts(3, 5) << " cats were taken for dogs, " << counts(5, 3) << " dogs for cats\n";
    {
        auto const batch = loader.begin();
        auto const logits = infer(batch->images);
        std::cout << "the first batch: " << hc::accuracy(logits, batch->labels) << '\n';
    }

    std::cout << "# a data set and a transform of one's own\n";
    stripes const own;
    auto const transforms = hc::compose(hc::to_tensor{}, random_brightness{0.2F});
    hc::data_loader striped{own, transforms, {.batch_size = 100, .shuffle = true, .seed = 1, .workers = 2}};
    std::cout << striped.size() << " batches\n";
    for (auto const& batch : striped) {
        if (batch.number == 0)
            std::cout << "the first image is number " << batch.indices[0] << ", white is "
                      << batch.images(0, 0, 0, 0) << '\n';
    }

    std::cout << "# going on\n";
    hc::data_loader again{own, transforms, {.batch_size = 100, .shuffle = true, .seed = 1}};
    auto const first_of = [](auto& from) {
        for (auto const& batch : from)
            return batch.indices[0];
        return std::size_t{0};
    };
    std::size_t const second_epoch = first_of(striped);
    again.set_epoch(1);
    std::cout << (first_of(again) == second_epoch ? "the same image\n" : "another image\n");

    if (count > 3)
        official(arguments[3]);
    if (count > 4)
        pictures(arguments[4]);
    if (count > 6) {
        curves(arguments[5]);
        filters(model, arguments[6]);
    }
}
