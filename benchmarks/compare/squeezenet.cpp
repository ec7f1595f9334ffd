#include "network_work.hpp"

#include "../../examples/networks/squeezenet.hpp"

namespace compare {

namespace {

// As its weights were published: the last convolution has a padding of 1.
using network = networks::squeezenet1_0<1>;
using shape = hc::image<3, 227, 227>;

hc::model<network> weights() {
    auto const file = shared_file("data/weights/squeezenet1_0_deepcompressed.safetensors");
    return file ? weights_of<network>(*file) : random_weights<network>();
}

pictures input() {
    if (auto const file = shared_file("data/images/crop227/gradcam_dog_cat.png"))
        return photo(*file, {.range = 1, .mean = {123, 117, 104}});
    return noise(1, 227, 227);
}

} // namespace

void add_squeezenet(std::vector<work_entry>& works) {
    works.push_back({"squeezenet.forward.b1", forward_peers,
                     [] { return std::make_unique<forward_work<network, shape>>(weights(), input()); }});
}

} // namespace compare
