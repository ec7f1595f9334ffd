// A backward hook: it is called when the gradient has passed its layer, and sees what came from behind (grad_output)
// and what goes on to the front (grad_input).
#include "simple_model.hpp"

int main(int count, char** arguments) {
    auto const [model, image] = make_setting(count, arguments);

    auto open = hc::with_runtime_hooks(model);
    xt::xarray<float> kept_input, kept_output;
    auto handle = open.at("conv").register_backward_hook(
        [&](auto const& layer, auto const& grad_input, auto const& grad_output) {
            std::cout << layer.type_name() << "\none grad_input of " << shape_text(grad_input)
                      << "\none grad_output of " << shape_text(grad_output) << '\n';
            kept_input = grad_input;
            kept_output = grad_output;
        });

    // The gradient of the image is computed where it is asked for.
    auto plan = hc::plan(open, hc::with_input_gradient<hc::gradients_request<>>{});
    auto const logits = plan.forward(image);
    plan.backward(xt::ones_like(logits)); // of the sum of all outputs
    handle.remove();
    plan.backward(xt::ones_like(logits)); // silent: the hook is gone

    for (std::size_t kernel = 0; kernel < 2; ++kernel) {
        std::cout << "grad_output of kernel " << kernel + 1 << '\n';
        print_channel(kept_output, kernel);
    }
    std::cout << "grad_input\n";
    print_channel(kept_input, 0);
    std::cout << "the gradient of the image is that: " << std::boolalpha
              << (plan.input_gradient() == kept_input) << '\n';

    // At compile time, and without asking for it: a first layer has no grad_input then, and its type says so.
    auto const watched = hc::attach<"conv">(
        model, hc::on_backward([](auto const&, auto const& grad_input, auto const& grad_output) {
            std::cout << "unasked: " << grad_input.size() << " numbers of grad_input, " << grad_output.size()
                      << " of grad_output\n";
        }));
    hc::plan(watched, hc::gradients_request<>{})(image, xt::ones_like(logits));
}
