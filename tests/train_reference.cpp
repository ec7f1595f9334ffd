// Five steps of Adam from the tutorial's trained network, on the first 320 training images in file order, against values
// that PyTorch computed.

#define BOOST_TEST_MODULE train_reference
#include <boost/test/unit_test.hpp>

#include "reference.hpp"

#include "../examples/networks/simple_cnn.hpp"

#include <hookcam/data/cifar10.hpp>
#include <hookcam/data/image_tensor.hpp>
#include <hookcam/io/load.hpp>
#include <hookcam/train.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace hc = hookcam;

BOOST_AUTO_TEST_CASE(five_steps_of_adam, *boost::unit_test::precondition(reference::is_there)) {
    auto const wanted = reference::file("simple_cnn_adam.safetensors");
    auto network =
        hc::load<networks::simple_cnn>(reference::folder / "reference/torch/cifar10_cnn.safetensors");
    hc::cifar10_file const set{reference::folder / "data/cifar10/data_batch_1.bin"};
    auto training = hc::training_plan<hc::image<3, 32, 32>>(network);
    auto optimizer = hc::adam(training, {.learning_rate = 1e-3});
    hc::cross_entropy<float> criterion;

    auto const losses = reference::tensor(wanted, "losses");
    BOOST_TEST(losses.size() == 5u);
    std::size_t gradients = 0, parameters = 0; // that were compared
    for (std::size_t step = 0; step < 5; ++step) {
        std::vector<std::size_t> labels;
        for (std::size_t i = 0; i < 64; ++i)
            labels.push_back(set.label(step * 64 + i));
        auto const logits = training.forward(hc::image_tensor<float>(set, step * 64, 64, reference::halves));
        auto const loss = criterion(logits, labels);
        BOOST_TEST(std::abs(loss.value - losses(step)) < 1e-4);
        training.backward(loss.gradient);
        for (auto const& entry : network.entries()) {
            auto const gradient = training.parameter_gradient(entry.key);
            if (auto const key = std::string{entry.key} + ".grad.step1";
                step == 0 && wanted.find(key) != nullptr) {
                BOOST_TEST(reference::distance(gradient, reference::tensor(wanted, key)) <
                           1e-4 * reference::largest(gradient)); // sums of 65,536 floats
                ++gradients;
            }
        }
        optimizer.step();
        for (auto const& entry : network.entries())
            if (auto const key = std::string{entry.key} + ".after" + std::to_string(step + 1);
                wanted.find(key) != nullptr) {
                auto const values = std::span{entry.data, entry.size};
                auto const distance = reference::distance(values, reference::tensor(wanted, key));
                BOOST_TEST(distance < 1e-5);
                BOOST_TEST_MESSAGE(key << ": " << distance);
                ++parameters;
            }
    }
    // The file has all but the two largest weights, conv3's and fc1's; parameters after the first step and the last.
    BOOST_TEST(gradients == 8u);
    BOOST_TEST(parameters == 16u);
}
