// A hook that draws: some of the channels that each convolution makes of a picture.
#include "sample.hpp"

#include <hookcam/viz.hpp>

#include <iostream>
#include <string>

int main(int count, char** arguments) {
    sample const all{count, arguments};
    hc::figure figure{12, 3.4};
    figure.add({all.pictures.picture(102), "Picture 102"});

    // At run time a path is a string, and one hook serves all layers. The handles are not kept: the hooks
    // live as long as `open`.
    auto open = hc::with_runtime_hooks(all.model);
    for (std::string const path : {"conv1", "conv2", "conv3"})
        open.at(path).register_forward_hook([&](auto const& layer, auto const&, auto const& output) {
            figure.add({hc::feature_grid(output, {.most = 16}), std::string{layer.path()}});
            std::cout << layer.path() << " shows 16 of " << output.shape()[1] << " channels\n";
        });
    static_cast<void>(open(all.image(102)));
    figure.save_png("channels.png");
}
