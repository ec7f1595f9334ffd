// What the table of docs/from-pytorch.md says, run.
#include <hookcam/data.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/io.hpp>
#include <hookcam/viz.hpp>

#include <cmath>
#include <filesystem>
#include <iostream>

namespace hc = hookcam;

namespace networks_of_the_table {

// Modules.
using body = hc::indexed<hc::conv2d<8, 8, hc::kernel<3>, hc::padding<1>>, hc::relu<>>;
using net = hc::sequential<hc::named<"conv1", hc::conv2d<3, 8, hc::kernel<3>, hc::padding<1>>>, hc::relu<>, //
                           hc::named<"block", hc::residual<body, hc::identity<>>>,                          //
                           hc::tap<"here">,                                                                 //
                           hc::named<"left_and_right", hc::concat<hc::max_pool2d<2>, hc::avg_pool2d<2>>>,   //
                           hc::adaptive_avg_pool2d<1>, hc::flatten<>, hc::named<"fc", hc::linear<16, 10>>>;

} // namespace networks_of_the_table
using namespace networks_of_the_table;

int main(int, char** arguments) {
    auto const folder = std::filesystem::temp_directory_path();
    auto const file = folder / "hookcam_docs_table.pth";
    auto const picture = hc::cifar10_file{arguments[1]}.picture(102);
    auto const image =
        hc::image_tensor<float>(picture, {.mean = {0.5, 0.5, 0.5}, .deviation = {0.5, 0.5, 0.5}});

    // Weights.
    hc::model<net> model;
    for (std::size_t i = 0; i < model.size(); ++i)
        model.data()[i] = std::sin(static_cast<float>(i));
    hc::save(file, model);
    model = hc::load<net>(file);
    auto const report = hc::load_state_dict(model, hc::read_weights(file), {.strict = false});
    auto const dict = hc::to_state_dict(model);
    auto const in_double = hc::load<net, double>(file);
    auto copy = model;
    auto weight = model.parameter("conv1.weight");
    std::cout << hc::paths<net>().size() << " paths, " << model.entries().size() << " tensors, "
              << dict.size() << " in the state dict, " << report.missing.size() << " missing, "
              << weight.size() << " in one\n";

    // Forward.
    auto const logits = model(image);
    auto infer = hc::plan<hc::image<3, 32, 32>>(model);
    auto const same = infer(image);
    std::cout << (logits(0, 0) == same(0, 0) ? "a plan says the same\n" : "a plan says another\n");

    // Hooks.
    int calls = 0;
    auto const f = [&](auto const&...) { ++calls; };
    auto const watched = hc::attach<"conv1">(model, hc::on_forward_pre(f), hc::on_forward(f));
    auto const all = hc::attach_all(watched, hc::prepend(hc::on_forward(f)));
    auto const learned =
        hc::attach<"conv1">(model, hc::on_backward_pre(f), hc::on_backward(f), hc::on_parameter_gradient(f));
    auto open = hc::with_runtime_hooks(model);
    auto handle = open.at("conv1").register_forward_hook(f);
    static_cast<void>(all(image));
    static_cast<void>(open(image));
    handle.remove();
    auto halved = hc::attach<"here">(model, hc::on_backward([](auto const&, auto const& grad_input,
                                                               auto const&) { return grad_input / 2.0F; }));

    // Gradients.
    auto plan = hc::plan(
        learned, hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<"block">>>{});
    auto gradient_of_output = xt::xtensor<float, 2>::from_shape({1, 10});
    gradient_of_output.fill(1);
    plan.forward(image);
    plan.backward(gradient_of_output);
    std::cout << plan.parameter_gradient("conv1.weight").size() << ", " << plan.input_gradient().size()
              << ", " << plan.gradient<"block">().size() << " gradients; " << calls << " calls of the hook\n";
    auto half = hc::plan(halved, hc::with_input_gradient<hc::gradients_request<>>{});
    half(image, gradient_of_output);
    std::cout << "at the tap the gradient is halved: "
              << half.input_gradient()(0, 0, 0, 0) / plan.input_gradient()(0, 0, 0, 0) << '\n';

    // Features and explanation.
    auto const found = hc::activations<"block", "fc">(model, image);
    auto const& block = hc::get<"block">(found);
    auto const cam = hc::grad_cam<"block">(model, image, 6);
    auto const sure = hc::grad_cam_of<"block">(model, hc::probability_score{}, image, 6);
    auto const shown = hc::overlay(picture, std::span<float const>{cam.heatmap.data(), cam.heatmap.size()});
    std::cout << block.shape()[1] << " maps; target " << cam.target[0] << " and " << sure.target[0]
              << "; a picture of " << shown.width() << 'x' << shown.height() << '\n';
    std::filesystem::remove(file);
}
