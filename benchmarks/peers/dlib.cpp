// dlib as a peer of compare: the tutorial's network, forward.

#include "serve.hpp"

#include <dlib/dnn.h>
#include <dlib/revision.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace {

using picture = std::array<dlib::matrix<float>, 3>; // by channel

template <long Filters, class Below>
using block =
    dlib::max_pool<2, 2, 2, 2, dlib::relu<dlib::add_layer<dlib::con_<Filters, 3, 3, 1, 1, 1, 1>, Below>>>;
using network =
    dlib::fc<10, dlib::relu<dlib::fc<512, block<128, block<64, block<32, dlib::input<picture>>>>>>>;

/// dlib keeps a layer's weights and its bias in one block, those of a linear layer by input.
template <std::size_t Layer>
void set(network& net, hookcam::state_dict const& weights, std::string const& path, bool is_linear) {
    auto const weight = weights.find(path + ".weight")->to<float>();
    auto const bias = weights.find(path + ".bias")->to<float>();
    auto& to = dlib::layer<Layer>(net).layer_details().get_layer_params();
    if (to.size() != weight.size() + bias.size())
        throw std::runtime_error{"dlib has other parameters at " + path};
    std::size_t const out = bias.size(), in = weight.size() / out;
    float* const at = to.host();
    for (std::size_t i = 0; i < weight.size(); ++i)
        at[is_linear ? i % in * out + i / in : i] = weight[i];
    std::ranges::copy(bias, at + weight.size());
}

std::vector<picture> pictures_of(hookcam::state_entry const& input) {
    auto const numbers = input.to<float>();
    std::vector<picture> pictures(input.shape[0]);
    auto const height = static_cast<long>(input.shape[2]), width = static_cast<long>(input.shape[3]);
    auto const* from = numbers.data();
    for (auto& one : pictures)
        for (auto& channel : one) {
            channel = dlib::mat(from, height, width);
            from += height * width;
        }
    return pictures;
}

struct state {
    network net;
    dlib::resizable_tensor input;
};

peers::served make(peers::job const& of) {
    if (of.network != "simple_cnn" || of.kind != "forward")
        throw std::runtime_error{"dlib.cpp has simple_cnn's forward pass alone"};
    auto const it = std::make_shared<state>();
    auto const pictures = pictures_of(*of.inputs.find("input"));
    it->net.to_tensor(pictures.begin(), pictures.end(), it->input);
    it->net.forward(it->input); // makes the parameters, with numbers of its own
    // The output is layer 0, the input the last; every layer counts, those without parameters too.
    set<0>(it->net, of.weights, "fc2", true);
    set<2>(it->net, of.weights, "fc1", true);
    set<5>(it->net, of.weights, "conv3", false);
    set<8>(it->net, of.weights, "conv2", false);
    set<11>(it->net, of.weights, "conv1", false);
    return {"dlib " + std::to_string(DLIB_MAJOR_VERSION) + '.' + std::to_string(DLIB_MINOR_VERSION),
            [it] { it->net.forward(it->input); },
            [it] {
                auto const& output = it->net.get_output();
                auto const bytes = std::as_bytes(std::span{output.host(), output.size()});
                hookcam::state_dict found;
                found.insert("output", {hookcam::dtype::f32,
                                        {static_cast<std::size_t>(output.num_samples()), 10},
                                        {bytes.begin(), bytes.end()}});
                return found;
            }};
}

} // namespace

int main(int count, char** arguments) {
    return peers::serve(count, arguments, make);
}
