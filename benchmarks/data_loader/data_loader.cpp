// How many images a second the loader makes of CIFAR-10, cropped, flipped and normalised: the least time of several epochs.
//
//     data_loader_speed FOLDER [EPOCHS]
#include <hookcam/data.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>

namespace hc = hookcam;

int main(int count, char** arguments) {
    if (count < 2) {
        std::fputs("data_loader_speed FOLDER [EPOCHS]: the folder of CIFAR-10's binary version\n", stderr);
        return 2;
    }
    hc::cifar10 const data{arguments[1], hc::cifar10_part::train};
    int const epochs = count > 2 ? std::atoi(arguments[2]) : 9;
    auto const plain = hc::compose(hc::to_tensor{}, hc::normalize(hc::cifar10_half));
    auto const augmented = hc::compose(hc::random_crop{32, 32, 4}, hc::random_horizontal_flip{},
                                       hc::to_tensor{}, hc::normalize(hc::cifar10_half));
    auto const measure = [&](char const* name, auto const& transform, std::size_t workers) {
        hc::data_loader loader{
            data, transform, {.batch_size = 64, .shuffle = true, .seed = 1, .workers = workers}};
        double least = std::numeric_limits<double>::infinity();
        for (int i = 0; i < epochs; ++i) {
            auto const begin = std::chrono::steady_clock::now();
            std::size_t images = 0;
            for (auto const& batch : loader) {
                images += batch.size();
            }
            std::chrono::duration<double> const time = std::chrono::steady_clock::now() - begin;
            least = std::min(least, time.count() / static_cast<double>(images));
        }
        std::printf("hookcam  %-16s %zu workers  %9.0f images a second\n", name, workers, 1 / least);
    };
    for (std::size_t const workers : {0U, 1U, 2U}) {
        measure("normalize", plain, workers);
        measure("crop, flip", augmented, workers);
    }
}
