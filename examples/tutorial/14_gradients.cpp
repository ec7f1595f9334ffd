// Clipping and scaling gradients: a hook that returns a value replaces the gradient for all that lies in front of it.
#include "sample.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iostream>

/// The gradient of the mean cross entropy with respect to the logits: softmax less one at the right class.
xt::xtensor<float, 2> loss_gradient(auto const& logits, hc::cifar10_file const& labels) {
    auto const number = logits.shape()[0];
    xt::xtensor<float, 2> gradient = xt::exp(logits - xt::amax(logits, {1}, xt::keep_dims));
    gradient /= xt::eval(xt::sum(gradient, {1}, xt::keep_dims));
    for (std::size_t i = 0; i < number; ++i)
        gradient(i, labels.label(i)) -= 1;
    return gradient / static_cast<float>(number);
}

int main(int count, char** arguments) {
    sample const all{count, arguments};
    using parameter_gradients = hc::with_parameter_gradients<hc::gradients_request<>>;

    auto const print = [&](char const* title, auto plan) {
        auto const logits = plan.forward(all.images);
        plan.backward(loss_gradient(logits, all.pictures));
        std::cout << std::left << std::setw(26) << title << std::right << std::fixed << std::setprecision(3);
        for (auto const* key : {"conv1.weight", "conv2.weight", "conv3.weight", "fc1.weight", "fc2.weight"}) {
            auto const gradient = plan.parameter_gradient(key);
            std::cout << std::setw(14) << std::sqrt(xt::sum(gradient * gradient)());
        }
        std::cout << '\n';
    };
    std::cout << "length of the gradient of   conv1.weight  conv2.weight  conv3.weight    fc1.weight    "
                 "fc2.weight\n";
    print("as it is", hc::plan(all.model, parameter_gradients{}));

    // What fc1 hands on is halved: so are the gradients of all layers in front of it, and of none behind.
    auto const halves = [](auto const&, auto const& grad_input, auto const&) { return grad_input / 2; };
    print("halved in front of fc1",
          hc::plan(hc::attach<"fc1">(all.model, hc::on_backward(halves)), parameter_gradients{}));

    // Each parameter's gradient, as soon as it is complete, is shortened to one half where it is longer.
    auto const clips = [](auto const&, auto const&, auto const& gradient) {
        float const length = std::sqrt(xt::sum(gradient * gradient)());
        // An expression holds on to `factor`, which ends here: so it is evaluated before it is returned.
        float const factor = std::min(1.F, 0.5F / length);
        return xt::xarray<float>{gradient * factor};
    };
    print("clipped to one half",
          hc::plan(hc::attach_all(all.model, hc::on_parameter_gradient(clips)), parameter_gradients{}));

    // Both, at run time. Their handles are not kept: these hooks live as long as `open`.
    auto open = hc::with_runtime_hooks(all.model);
    open.at("fc1").register_backward_hook(halves);
    open.at("fc2").register_parameter_gradient_hook(clips);
    print("halved, fc2 clipped", hc::plan(open, parameter_gradients{}));
}
