// A hook that returns nothing looks; a hook that returns a value replaces what it was shown.
#include "simple_model.hpp"

int main(int count, char** arguments) {
    auto const [model, image] = make_setting(count, arguments);
    auto const print = [](char const* what, auto const& logits) {
        std::cout << std::setw(35) << std::left << what << logits(0, 0) << '\n';
    };
    print("nothing changed:", model(image));

    float largest = 0;
    auto const looks = [&](auto const&, auto const&, auto const& output) { largest = xt::amax(output)(); };
    print("a hook that looks:", hc::attach<"conv">(model, hc::on_forward(looks))(image));

    // The rest of the network, and later hooks, see the replacement: here 2·2 times the convolution's output.
    auto const doubles = [](auto const&, auto const&, auto const& output) { return 2 * output; };
    print("the output doubled twice:", hc::attach<"conv">(model, hc::on_forward(doubles, doubles))(image));

    // A pre-hook replaces the layer's input, before the layer runs.
    auto const inverts = [](auto const&, auto const& input) { return 1 - input; };
    print("the input inverted:", hc::attach<"conv">(model, hc::on_forward_pre(inverts))(image));

    // The same hooks at run time, where they can come and go.
    auto open = hc::with_runtime_hooks(model);
    auto handle = open.at("conv").register_forward_hook(doubles);
    print("the output doubled, at run time:", open(image));
    {
        hc::scoped_hook const until_the_brace = open.at("conv").register_forward_pre_hook(inverts);
        print("and the input inverted:", open(image));
    }
    handle.remove();
    print("both removed:", open(image));
}
