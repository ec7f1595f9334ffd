#include "training.hpp"

#include <hookcam/data.hpp>
#include <hookcam/train.hpp>

#include <iomanip>
#include <iostream>

hc::model<simple_cnn> train(hc::cifar10 const& data, int epochs, std::size_t report_every) {
    // Shuffled batches, prepared by two threads. The seed says which: the same on every machine.
    auto const transform = hc::compose(hc::to_tensor{}, hc::normalize(hc::cifar10_half));
    auto loader =
        hc::data_loader(data, transform, {.batch_size = 64, .shuffle = true, .seed = 5, .workers = 2});

    auto model = hc::model<simple_cnn>{};
    hc::initialize(model, 5);                                       // PyTorch's distribution
    auto training = hc::training_plan<hc::image<3, 32, 32>>(model); // borrows the model, to change it
    auto optimizer = hc::adam(training, {.learning_rate = 0.001});
    auto criterion = hc::cross_entropy<float>{};

    for (int epoch = 1; epoch <= epochs; ++epoch) {
        double running_loss = 0;
        for (auto const& batch : loader) {
            auto const logits = training.forward(batch.images);
            auto const loss = criterion(logits, batch.labels);
            training.backward(loss.gradient); // replaces the last gradients: there is no zero_grad to forget
            optimizer.step();

            running_loss += static_cast<double>(loss.value);
            if ((batch.number + 1) % report_every == 0) {
                std::cout << '[' << epoch << ", " << batch.number + 1 << "] loss: " << std::fixed
                          << std::setprecision(1) << running_loss / static_cast<double>(report_every) << '\n';
                running_loss = 0;
            }
        }
    }
    return model;
}
