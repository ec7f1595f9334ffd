#define BOOST_TEST_MODULE training_reference
#include "reference.hpp"

#include <hookcam/hookcam.hpp>
#include <hookcam/io/load.hpp>
#include <hookcam/train/training_plan.hpp>

#include "../examples/networks/simple_cnn.hpp"

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// The first step of the tutorial's training, against PyTorch's.

namespace hc = hookcam;

namespace {

/// Images of CIFAR-10's first training file as the tutorial's network reads them, and their classes.
struct batch {
    xt::xtensor<float, 4> images;
    std::vector<std::size_t> labels;
};
batch first_training_images(std::size_t count) {
    hc::cifar10_file const set{reference::folder / "data/cifar10/data_batch_1.bin"};
    batch made{hc::image_tensor<float>(set, 0, count, reference::halves), {}};
    for (std::size_t n = 0; n < count; ++n)
        made.labels.push_back(set.label(n));
    return made;
}

} // namespace

BOOST_AUTO_TEST_CASE(the_first_gradients_of_the_tutorials_network_are_pytorchs,
                     *boost::unit_test::precondition(reference::is_there)) {
    auto model =
        hc::load<networks::simple_cnn>(reference::folder / "reference/torch/cifar10_cnn.safetensors");
    auto const expected = reference::file("simple_cnn_adam.safetensors");
    auto const data = first_training_images(64);
    auto training = hc::training_plan<hc::image<3, 32, 32>>(model);
    auto const logits = training.forward(data.images);

    // The mean cross entropy, and its gradient: probability less one where the class is, over the batch.
    double loss = 0;
    auto gradient = training.gradient_to_fill();
    for (std::size_t n = 0; n < 64; ++n) {
        double sum = 0;
        for (std::size_t c = 0; c < 10; ++c)
            sum += std::exp(static_cast<double>(logits(n, c)));
        for (std::size_t c = 0; c < 10; ++c) {
            double const p = std::exp(static_cast<double>(logits(n, c))) / sum;
            bool const is_class = c == data.labels[n];
            gradient(n, c) = static_cast<float>((p - (is_class ? 1 : 0)) / 64);
            if (is_class)
                loss -= std::log(p) / 64;
        }
    }
    training.backward();

    // Logits are good to some 1e-5 of themselves in float.
    BOOST_TEST(std::abs(loss - static_cast<double>(reference::tensor(expected, "losses")(0))) < 1e-5);
    std::size_t compared = 0;
    for (auto const& entry : model.entries()) {
        std::string const key = std::string{entry.key} + ".grad.step1";
        if (expected.find(key) == nullptr)
            continue; // the file has the tensors of less than 20,000 elements
        ++compared;
        auto const of_pytorch = reference::tensor(expected, key);
        auto const ours = training.parameter_gradient(entry.key);
        double const bound = 2e-5 * reference::largest(of_pytorch); // sums of up to 65,536 products in float
        BOOST_TEST(reference::distance(of_pytorch, ours) < bound,
                   entry.key << ": "
                             << reference::distance(of_pytorch, ours) / reference::largest(of_pytorch));
    }
    BOOST_TEST(compared == 8U);
}
