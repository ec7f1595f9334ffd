// Hook at run time (docs/how-to/runtime-hooks.md).
#include <hookcam/hookcam.hpp>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <string>

namespace hc = hookcam;

using network = hc::sequential<
    hc::named<"conv1", hc::conv2d<1, 4, hc::kernel<3>, hc::padding<1>>>, hc::relu<>, hc::max_pool2d<2>,
    hc::named<"block",
              hc::residual<hc::sequential<hc::named<"conv2", hc::conv2d<4, 4, hc::kernel<3>, hc::padding<1>>>,
                                          hc::named<"relu", hc::relu<>>>,
                           hc::identity<>>>,
    hc::flatten<>, hc::named<"fc", hc::linear<64, 3>>>;

void fill_in(hc::model<network>& model) {
    for (std::size_t i = 0; i < model.size(); ++i)
        model.data()[i] = std::sin(static_cast<float>(i));
}

int main() {
    hc::model<network> model;
    fill_in(model);
    auto image = xt::xtensor<float, 3>::from_shape({1, 8, 8});
    for (std::size_t i = 0; i < image.size(); ++i)
        image.data()[i] = std::cos(static_cast<float>(i));

    std::cout << "# paths\n";
    for (std::string const& path : hc::paths<network>())
        std::cout << path << '\n';

    std::cout << "# one hook\n";
    auto open = hc::with_runtime_hooks(model);
    auto handle = open.at("block.conv2")
                      .register_forward_hook([](auto const& layer, auto const& input, auto const& output) {
                          std::cout << layer.path() << ", a " << layer.type_name() << ": " << input.shape()[2]
                                    << " rows in, " << output.shape()[2] << " rows out\n";
                      });
    static_cast<void>(open(image)); // calls the hook
    handle.remove();
    static_cast<void>(open(image)); // does not

    std::cout << "# a hook on every layer, while the scope lasts\n";
    {
        std::vector<hc::scoped_hook> hooks;
        for (auto const& path : hc::paths<network>())
            hooks.emplace_back(
                open.at(path).register_forward_hook([](auto const& layer, auto const&, auto const& output) {
                    auto const zeros = std::count(output.begin(), output.end(), 0.0F);
                    std::cout << layer.path() << ": " << zeros << " of " << output.size() << " are zero\n";
                }));
        static_cast<void>(open(image));
    }

    std::cout << "# a hook that replaces\n";
    {
        hc::scoped_hook const half = open.at("block").register_forward_hook(
            [](auto const&, auto const&, auto const& output) { return output * 0.5F; });
        float const halved = open(image)(0, 0);
        std::cout << (halved != model(image)(0, 0) ? "the logits changed\n" : "nothing changed\n");
    }
    std::cout << (open(image)(0, 0) == model(image)(0, 0) ? "and are as before\n" : "and stay so\n");

    std::cout << "# backward\n";
    std::string const chosen = "block.conv2"; // from a command line, say
    hc::scoped_hook const norm = open.at(chosen).register_backward_hook(
        [](auto const& layer, auto const& grad_input, auto const& grad_output) {
            std::cout << layer.path() << ": a gradient of " << grad_output.size() << " numbers came, one of "
                      << grad_input.size() << " goes on\n";
        });
    hc::scoped_hook const first =
        open.at("conv1").register_backward_hook([](auto const& layer, auto const& grad_input, auto const&) {
            std::cout << layer.path() << ": grad_input has " << grad_input.size() << " numbers\n";
        });
    auto const cam = hc::grad_cam(open, chosen, image);
    std::cout << "class " << cam.target[0] << ", " << to_string(cam.status[0]) << '\n';

    std::cout << "# a path that is not there\n";
    try {
        static_cast<void>(open.at("conv3"));
    } catch (hc::error const& wrong) {
        std::cout << wrong.what() << '\n';
    }
}
