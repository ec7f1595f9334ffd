#include "network_work.hpp"

#include "../../examples/networks/resnet.hpp"

#include <concepts>

namespace compare {

namespace {

using network = networks::resnet50;
using shape = hc::image<3, 224, 224>;
static_assert(std::same_as<hc::output_shape<network, shape>, hc::features<1000>>);

} // namespace

void add_resnet50(std::vector<work_entry>& works) {
    works.push_back({"resnet50.forward.b1", forward_peers, [] {
                         return std::make_unique<forward_work<network, shape>>(random_weights<network>(),
                                                                               noise(1, 224, 224));
                     }});
}

} // namespace compare
