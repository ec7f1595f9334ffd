#include "network_work.hpp"

#include "../../examples/networks/cifar_resnet.hpp"

namespace compare {

namespace {

using network = networks::cifar_resnet<20>;
using shape = hc::image<3, 32, 32>;

hc::model<network> weights() {
    auto const file = shared_file("data/weights/resnet20-12fca82f.safetensors");
    return file ? weights_of<network>(*file) : random_weights<network>();
}

pictures input(std::size_t count) {
    return cifar10_pictures(count, {.mean = {.485, .456, .406}, .deviation = {.229, .224, .225}});
}

} // namespace

void add_resnet20(std::vector<work_entry>& works) {
    works.push_back({"resnet20.forward.b1", forward_peers,
                     [] { return std::make_unique<forward_work<network, shape>>(weights(), input(1)); }});
    works.push_back({"resnet20.forward.b64", forward_peers,
                     [] { return std::make_unique<forward_work<network, shape>>(weights(), input(64)); }});
    works.push_back({"resnet20.grad_cam.b1", grad_cam_peers, [] {
                         return std::make_unique<grad_cam_work<network, shape, "layer3.2.conv2">>(weights(),
                                                                                                  input(1));
                     }});
}

} // namespace compare
