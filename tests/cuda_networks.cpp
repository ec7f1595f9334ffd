#define BOOST_TEST_MODULE cuda_networks
#include <boost/test/unit_test.hpp>

#include "xtensor.hpp"

#include "device_harness.hpp"
#include "reference.hpp"

#include "../examples/networks/cifar_resnet.hpp"
#include "../examples/networks/simple_cnn.hpp"

#include <hookcam/cuda.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/io/load_state_dict.hpp>
#include <hookcam/io/safetensors.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

// Networks that PyTorch has trained, on a device, against PyTorch's own maps. Nothing here needs a library but JSON's
// headers: a machine with a GPU may have no other.

namespace hc = hookcam;
using boost::unit_test::precondition;
using device = device_harness::device_type;

namespace {

#if defined(HOOKCAM_ON_GPU)
/// A machine with a GPU is for these values: a program that finds none of them is skipped, not passed.
struct needs_reference {
    needs_reference() {
        for (char const* file :
             {"reference/torch/simple_cnn_grad_cam.safetensors", "reference/torch/cifar10_cnn.safetensors",
              "reference/torch/resnet20.safetensors", "data/weights/resnet20-12fca82f.safetensors",
              "data/cifar10/test_batch.bin"})
            if (!std::filesystem::exists(reference::folder / file)) {
                std::cout << "skipped: there is no " << (reference::folder / file).string()
                          << "; set HOOKCAM_SHARED_DIR" << std::endl;
                std::_Exit(77);
            }
    }
};
BOOST_TEST_GLOBAL_FIXTURE(needs_reference);
#endif

template <class Network>
auto on_device(char const* weights) {
    hc::model<Network> model;
    hc::load_state_dict(model, hc::read_safetensors(reference::folder / weights));
    return hc::to<device>(model);
}

} // namespace

BOOST_AUTO_TEST_CASE(grad_cam_of_the_simple_cnn, *precondition(reference::is_there)) {
    auto const values = reference::file("simple_cnn_grad_cam.safetensors");
    auto const model = on_device<networks::simple_cnn>("reference/torch/cifar10_cnn.safetensors");
    auto look = hc::plan<hc::image<3, 32, 32>>(model, hc::grad_cam_request<"conv3">{});
    std::size_t const count = 20;
    auto const& cam = look(reference::images(reference::halves, 0, count));
    auto const maps = reference::tensor(values, "cam.conv3.predicted");
    auto const logits = reference::tensor(values, "logits");
    for (std::size_t n = 0; n < count; ++n) {
        BOOST_TEST(reference::distance(xt::view(cam.heatmap, n), xt::view(maps, n)) < 1e-4, "image " << n);
        BOOST_TEST(reference::distance(xt::view(cam.logits, n), xt::view(logits, n)) < 1e-4, "image " << n);
    }
}

BOOST_AUTO_TEST_CASE(grad_cam_of_resnet20, *precondition(reference::is_there)) {
    auto const values = reference::file("resnet20.safetensors");
    auto const model = on_device<networks::cifar_resnet<20>>("data/weights/resnet20-12fca82f.safetensors");
    auto look = hc::plan<hc::image<3, 32, 32>>(model, hc::grad_cam_request<"layer1.2.conv2">{});
    std::size_t const count = 5;
    auto const& cam = look(reference::images(reference::imagenet, 0, count), reference::labels(0, count));
    auto const maps = reference::tensor(values, "layer1.2.conv2.grad_cam.label");
    auto const logits = reference::tensor(values, "logits");
    for (std::size_t n = 0; n < count; ++n)
        BOOST_TEST(reference::distance(xt::view(cam.logits, n), xt::view(logits, n)) <
                       1e-5 * reference::largest(logits),
                   "image " << n);
    for (std::size_t n = 0; n < count; ++n)
        BOOST_TEST(reference::distance(xt::view(cam.heatmap, n), xt::view(maps, n)) < 1e-4, "image " << n);
    auto const two = [](auto const& batch) { return xt::xarray<float>{xt::view(batch, xt::range(0, 2))}; };
    auto const activation = reference::tensor(values, "layer1.2.conv2.activation");
    BOOST_TEST(reference::distance(two(look.activation<"layer1.2.conv2">().to_host()), activation) <
               1e-4 * reference::largest(activation));
    auto const gradient = reference::tensor(values, "layer1.2.conv2.gradient");
    BOOST_TEST(reference::distance(two(look.gradient<"layer1.2.conv2">().to_host()), gradient) <
               1e-4 * reference::largest(gradient));
}

#if defined(HOOKCAM_ON_GPU)

// PyTorch's count, and its logits to rounding. The host executor would take an hour.
BOOST_AUTO_TEST_CASE(resnet20_is_right_for_as_many_pictures_as_in_pytorch, *boost::unit_test::label("long")) {
    auto const values = reference::file("resnet20.safetensors");
    auto const model = on_device<networks::cifar_resnet<20>>("data/weights/resnet20-12fca82f.safetensors");
    auto plan = hc::plan<hc::image<3, 32, 32>>(model);
    auto const wanted = reference::tensor(values, "logits");
    double const bound = 1e-5 * reference::largest(wanted);
    std::size_t right = 0;
    std::size_t const batch = 500;
    for (std::size_t first = 0; first < 10000; first += batch) {
        auto const logits = plan.forward(reference::images(reference::imagenet, first, batch)).to_host();
        auto const labels = reference::labels(first, batch);
        for (std::size_t n = 0; n < batch; ++n) {
            auto const row = xt::view(logits, n);
            BOOST_TEST(reference::distance(row, xt::view(wanted, first + n)) < bound, "image " << first + n);
            auto const predicted = std::max_element(row.begin(), row.end()) - row.begin();
            right += static_cast<std::size_t>(predicted) == labels[n] ? 1 : 0;
        }
    }
    BOOST_TEST(right == 9173U);
}

#endif
