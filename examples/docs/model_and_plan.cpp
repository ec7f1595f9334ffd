// Model and plan (docs/concepts/model-and-plan.md).
#include "../networks/simple_cnn.hpp"

#include <hookcam/hookcam.hpp>
#include <hookcam/io.hpp>

#include <iostream>
#include <utility>

namespace hc = hookcam;
using networks::simple_cnn;

int main(int, char** arguments) {
    auto model = hc::load<simple_cnn>(arguments[1]);
    auto image = xt::xtensor<float, 3>::from_shape({3, 32, 32});
    image.fill(0.5F);

    // A model is a value.
    auto copy = model;                    // its own 1,147,466 parameters
    copy.parameter("conv1.bias")(0) += 1; // the model keeps its own
    auto const moved = std::move(copy);   // copies nothing

    std::cout << moved.size() << " parameters\n";

    // A plan does the work, and its type says what.
    auto infer = hc::plan<hc::image<3, 32, 32>>(model);
    auto look = hc::plan<hc::image<3, 32, 32>>(model, hc::grad_cam_request<"conv3">{});
    auto features = hc::plan(model, hc::activations_request<"conv2", "fc1">{});
    auto learn =
        hc::plan(model, hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<>>>{});

    std::cout << "# inference\n";
    auto const logits = infer(image); // a view, 1×10, good until infer's next call
    std::cout << logits.shape()[0] << 'x' << logits.shape()[1] << '\n';

    std::cout << "# Grad-CAM\n";
    auto const& cam = look(image);
    std::cout << "class " << cam.target[0] << ", a map of " << cam.raw.shape()[1] << 'x' << cam.raw.shape()[2]
              << '\n';
    for (auto const& step : look.steps()) // forward they depend on the instruction set
        if (step.starts_with("backward"))
            std::cout << step << '\n';

    std::cout << "# features\n";
    features(image);
    auto const maps = features.activation<"conv2">(); // a view, 1×64×16×16
    xt::xtensor<float, 4> const kept = maps;          // a copy of its own
    std::cout << kept.shape()[1] << " maps\n";

    std::cout << "# gradients\n";
    learn.forward(image);
    xt::xtensor<float, 2> of_output = xt::xtensor<float, 2>::from_shape({1, 10});
    of_output.fill(0);
    of_output(0, 6) = 1; // of the frog's logit
    learn.backward(of_output);
    auto const of_weights = learn.parameter_gradient("conv1.weight");
    auto const of_input = learn.input_gradient();
    std::cout << of_weights.size() << " of conv1.weight, " << of_input.size() << " of the input\n";
    std::cout << (look.memory() < learn.memory() ? "who asks for less holds less\n" : "they hold the same\n");

    std::cout << "# a change of the model is seen by its plans\n";
    float const before = infer(image)(0, 0);
    model.parameter("fc2.bias")(0) += 1;
    std::cout << infer(image)(0, 0) - before << '\n';
}
