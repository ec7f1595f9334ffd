#define BOOST_TEST_MODULE explain_reference
#include <boost/test/unit_test.hpp>

#include "xtensor.hpp"

#include "reference.hpp"

#include "../examples/networks/cifar_resnet.hpp"
#include "../examples/networks/simple_cnn.hpp"

#include <hookcam/hookcam.hpp>
#include <hookcam/io.hpp>

#include <array>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace hc = hookcam;
using boost::unit_test::precondition;

// The tutorial's hook program: conv 1→2, ReLU, linear 32→10 on one 4×4 image, with PyTorch's values of
// seed 42.
using simple_model = hc::sequential<hc::named<"conv", hc::conv2d<1, 2, hc::kernel<3>, hc::padding<1>>>,
                                    hc::relu<>, hc::flatten<>, hc::named<"fc", hc::linear<32, 10>>>;

BOOST_AUTO_TEST_CASE(hooks_of_the_simple_model_see_what_pytorch_sees, *precondition(reference::is_there)) {
    auto const values = reference::file("simple_model.safetensors");
    hc::model<simple_model> model;
    hc::load_state_dict(model, values, {.strict = false});
    auto const x = reference::tensor(values, "x");

    xt::xarray<float> output_seen, grad_input_seen, grad_output_seen;
    auto const watched = hc::attach<"conv">(
        model, hc::on_forward([&](auto const&, auto const&, auto const& output) { output_seen = output; }),
        hc::on_backward([&](auto const&, auto const& grad_input, auto const& grad_output) {
            if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(grad_input)>, hc::no_gradient>)
                grad_input_seen = grad_input;
            grad_output_seen = grad_output;
        }));
    auto plan = hc::plan<hc::image<1, 4, 4>>(
        watched, hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<>>>{});
    auto const output = plan.forward(x);
    plan.backward(xt::ones<float>({1, 10}));

    // Sums of at most 32 products of numbers near one, in another order than PyTorch's: 32 × 6e-8 at worst.
    double const tolerance = 1e-6;
    BOOST_TEST(reference::distance(output, reference::tensor(values, "output")) < tolerance);
    BOOST_TEST(reference::distance(output_seen, reference::tensor(values, "conv.output")) < tolerance);
    BOOST_TEST(reference::distance(grad_input_seen, reference::tensor(values, "conv.grad_input")) <
               tolerance);
    BOOST_TEST(reference::distance(grad_output_seen, reference::tensor(values, "conv.grad_output")) <
               tolerance);
    BOOST_TEST(reference::distance(plan.input_gradient(), reference::tensor(values, "x.grad")) < tolerance);
    for (std::string const key : {"conv.weight", "conv.bias", "fc.weight", "fc.bias"})
        BOOST_TEST(reference::distance(plan.parameter_gradient(key),
                                       reference::tensor(values, key + ".grad")) < tolerance,
                   key);
}

namespace {

// 200 images by one plan, in batches: what the tutorial does one by one.
template <hc::fixed_string Layer>
void compare_simple_cnn(std::string const& layer) {
    auto const values = reference::file("simple_cnn_grad_cam.safetensors");
    auto const model = hc::load<networks::simple_cnn>(reference::folder / "reference/torch/cifar10_cnn.pth");
    auto const logits = reference::tensor(values, "logits");
    auto const labels = reference::labels(0, 200);
    auto look = hc::plan<hc::image<3, 32, 32>>(model, hc::grad_cam_request<Layer>{});

    for (bool const of_label : {false, true}) {
        auto const expected =
            reference::tensor(values, "cam." + layer + (of_label ? ".label" : ".predicted"));
        std::size_t blank = 0;
        for (std::size_t first = 0; first < 200; first += 50) {
            auto const images = reference::images(reference::halves, first, 50);
            std::vector<std::size_t> const targets(labels.begin() + static_cast<std::ptrdiff_t>(first),
                                                   labels.begin() + static_cast<std::ptrdiff_t>(first + 50));
            auto const& cam = of_label ? look(images, targets) : look(images);
            for (std::size_t n = 0; n < 50; ++n) {
                auto const map = xt::view(expected, first + n);
                auto const row = xt::view(logits, first + n);
                // PyTorch's own maps are 1.6e-6 off their float64 twins; a map is scaled by its largest
                // value, which can be small beside the terms that it is the sum of.
                BOOST_TEST(reference::distance(xt::view(cam.heatmap, n), map) < 1e-4, "image " << first + n);
                BOOST_TEST(reference::distance(xt::view(cam.logits, n), row) < 1e-4);
                auto const predicted =
                    static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin());
                BOOST_TEST(cam.predicted[n] == predicted);
                BOOST_TEST(cam.target[n] == (of_label ? targets[n] : predicted));
                bool const is_blank = reference::largest(map) == 0;
                blank += is_blank;
                BOOST_TEST((cam.status[n] == hc::cam_status::no_positive_evidence) == is_blank);
                if (!is_blank)
                    BOOST_TEST(reference::largest(xt::view(cam.heatmap, n)) == 1.0);
            }
        }
        if (layer == "conv3" && !of_label)
            BOOST_TEST(blank == 24U);
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(grad_cam_of_the_simple_cnn_at_conv1, *precondition(reference::is_there)) {
    compare_simple_cnn<"conv1">("conv1");
}
BOOST_AUTO_TEST_CASE(grad_cam_of_the_simple_cnn_at_conv2, *precondition(reference::is_there)) {
    compare_simple_cnn<"conv2">("conv2");
}
BOOST_AUTO_TEST_CASE(grad_cam_of_the_simple_cnn_at_conv3, *precondition(reference::is_there)) {
    compare_simple_cnn<"conv3">("conv3");
}

BOOST_AUTO_TEST_CASE(activation_and_gradient_of_picture_102, *precondition(reference::is_there)) {
    auto const values = reference::file("simple_cnn_grad_cam.safetensors");
    auto const model =
        hc::load<networks::simple_cnn>(reference::folder / "reference/torch/cifar10_cnn.safetensors");
    auto const image = reference::images(reference::halves, 102, 1);
    auto const activation = reference::tensor(values, "conv3.activation.102");
    auto const gradient = reference::tensor(values, "conv3.gradient.102");
    auto const found = hc::activations<"conv3">(model, image);
    auto const slopes = hc::gradients<"conv3">(model, image);
    // Sums of 576 products: float32 keeps seven digits of the largest.
    BOOST_TEST(reference::distance(hc::get<"conv3">(found), activation) <
               1e-5 * reference::largest(activation));
    BOOST_TEST(reference::distance(hc::get<"conv3">(slopes), gradient) < 1e-5 * reference::largest(gradient));
}

BOOST_AUTO_TEST_CASE(resnet20_at_a_convolution_a_stage_and_the_last_stage,
                     *precondition(reference::is_there)) {
    auto const values = reference::file("resnet20.safetensors");
    auto const model = hc::load<networks::cifar_resnet<20>>(
        reference::folder / "data/weights/resnet20-12fca82f.th", {.strip_prefix = "module."});
    auto const images = reference::images(reference::imagenet, 0, 20);
    auto const labels = reference::labels(0, 20);
    auto look =
        hc::plan<hc::image<3, 32, 32>>(model, hc::grad_cam_request<"layer1.2.conv2", "layer2", "layer3">{});
    auto const& cam = look(images, labels);

    auto const compare = [&]<hc::fixed_string Layer>(hc::path_list<Layer>) {
        std::string const layer{Layer.view()};
        auto const activation = reference::tensor(values, layer + ".activation");
        auto const gradient = reference::tensor(values, layer + ".gradient");
        auto const two = [](auto const& batch) {
            return xt::xarray<float>{xt::view(batch, xt::range(0, 2))};
        };
        BOOST_TEST(reference::distance(two(look.template activation<Layer>()), activation) <
                   1e-4 * reference::largest(activation));
        BOOST_TEST(reference::distance(two(look.template gradient<Layer>()), gradient) <
                   1e-4 * reference::largest(gradient));
        BOOST_TEST(reference::distance(cam.get<Layer>().heatmap,
                                       reference::tensor(values, layer + ".grad_cam.label")) < 1e-4);
    };
    compare(hc::path_list<"layer1.2.conv2">{});
    compare(hc::path_list<"layer2">{});
    compare(hc::path_list<"layer3">{});

    // A string chooses the same layer, to the last bit.
    auto const open = hc::with_runtime_hooks(model);
    for (std::string const path : {"layer1.2.conv2", "layer2", "layer3"}) {
        auto const same = hc::grad_cam(open, path, images, labels);
        auto const& typed = path == "layer2"   ? cam.get<"layer2">()
                            : path == "layer3" ? cam.get<"layer3">()
                                               : cam.get<"layer1.2.conv2">();
        BOOST_TEST((same.heatmap == typed.heatmap), path);
        BOOST_TEST((same.raw == typed.raw), path);
        BOOST_TEST((same.logits == cam.logits), path);
    }
}
