#include "network_work.hpp"

#include "../../examples/networks/simple_cnn.hpp"

namespace compare {

namespace {

using network = networks::simple_cnn;
using shape = hc::image<3, 32, 32>;

hc::model<network> weights() {
    return weights_of<network>(example_file("cifar10_cnn.safetensors"));
}

pictures input(std::size_t count) {
    return cifar10_pictures(count, {.mean = {.5, .5, .5}, .deviation = {.5, .5, .5}});
}

} // namespace

void add_simple_cnn(std::vector<work_entry>& works) {
    auto peers = forward_peers;
    peers.push_back("dlib");
    works.push_back({"simple_cnn.forward.b1", peers,
                     [] { return std::make_unique<forward_work<network, shape>>(weights(), input(1)); }});
    works.push_back({"simple_cnn.forward.b64", peers,
                     [] { return std::make_unique<forward_work<network, shape>>(weights(), input(64)); }});
    works.push_back({"simple_cnn.grad_cam.b1", grad_cam_peers, [] {
                         return std::make_unique<grad_cam_work<network, shape, "conv3">>(weights(), input(1));
                     }});
    works.push_back({"simple_cnn.forward_backward.b64", {"libtorch", "pytorch", "pytorch_compile"}, [] {
                         return std::make_unique<forward_backward_work<network, shape>>(weights(), input(64));
                     }});
}

} // namespace compare
