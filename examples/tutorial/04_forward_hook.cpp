// A forward hook: it is called when its layer has run, and sees what went in and what came out.
#include "simple_model.hpp"

#include <hookcam/viz.hpp>

#include <span>

int main(int count, char** arguments) {
    auto const [model, image] = make_setting(count, arguments);

    // At run time: register, run, remove. The hooks belong to `open`; the model is only borrowed.
    auto open = hc::with_runtime_hooks(model);
    xt::xarray<float> kept;
    auto handle =
        open.at("conv").register_forward_hook([&](auto const& layer, auto const& input, auto const& output) {
            std::cout << layer.path() << " is a " << layer.type_name() << "\ninput " << shape_text(input)
                      << ", output " << shape_text(output) << '\n';
            kept = output; // what a hook is shown is gone when it returns: copy what you keep
        });
    auto const logits = open(image);
    // A hook that is left behind goes on being called, and keeps alive what it holds.
    handle.remove();
    auto const again = open(image);
    std::cout << "removed, and the same logits: " << std::boolalpha << (logits == again) << '\n';

    for (std::size_t kernel = 0; kernel < 2; ++kernel) {
        std::cout << "output of kernel " << kernel + 1 << '\n';
        print_channel(kept, kernel);
    }

    // At compile time: the hook is part of a type, and there is nothing to remove. `model` never knew of it.
    xt::xtensor<float, 4> same;
    auto const watched = hc::attach<"conv">(
        model, hc::on_forward([&](auto const&, auto const&, auto const& output) { same = output; }));
    static_cast<void>(watched(image));
    std::cout << "both hooks saw the same: " << (same == kept) << '\n';

    hc::figure figure{9, 3.2};
    figure.add(hc::feature_panel(std::span{image.data(), 16}, 4, 4, "Input"))
        .add_all(hc::feature_panels(kept, "Kernel"))
        .save_png("forward_hook.png");
}
