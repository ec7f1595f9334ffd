// libtorch as a peer of compare: PyTorch's own C++ library, used as one tunes it.

#include "serve.hpp"

#include <torch/torch.h>
#include <torch/version.h>

#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace {

using torch::Tensor;
namespace F = torch::nn::functional;

Tensor tensor_of(hookcam::state_entry const& entry) {
    std::vector<std::int64_t> const shape(entry.shape.begin(), entry.shape.end());
    if (entry.type != hookcam::dtype::f32)
        return torch::zeros(shape);
    auto result = torch::empty(shape);
    std::memcpy(result.data_ptr(), entry.bytes.data(), entry.bytes.size());
    return result;
}

hookcam::state_entry entry_of(Tensor const& tensor) {
    auto const flat = tensor.detach().contiguous();
    auto const* const bytes = static_cast<std::byte const*>(flat.data_ptr());
    return {hookcam::dtype::f32, {flat.sizes().begin(), flat.sizes().end()}, {bytes, bytes + flat.nbytes()}};
}

/// The parameters of a network by their names, and its layers as functions of them.
class layers {
public:
    explicit layers(hookcam::state_dict const& weights) {
        for (auto const& [key, entry] : weights)
            m_tensors.emplace(key, tensor_of(entry));
    }

    [[nodiscard]] Tensor conv(std::string const& path, Tensor const& x, std::int64_t padding,
                              std::int64_t stride = 1) const {
        return torch::conv2d(x, get(path + ".weight"), find(path + ".bias"), stride, padding);
    }
    [[nodiscard]] Tensor norm(std::string const& path, Tensor const& x) const {
        return torch::batch_norm(x, get(path + ".weight"), get(path + ".bias"), get(path + ".running_mean"),
                                 get(path + ".running_var"), false, 0, 1e-5, true);
    }
    [[nodiscard]] Tensor linear(std::string const& path, Tensor const& x) const {
        return torch::linear(x, get(path + ".weight"), get(path + ".bias"));
    }
    [[nodiscard]] bool has(std::string const& key) const { return m_tensors.contains(key); }
    [[nodiscard]] std::map<std::string, Tensor>& tensors() { return m_tensors; }

private:
    [[nodiscard]] Tensor const& get(std::string const& key) const { return m_tensors.at(key); }
    [[nodiscard]] Tensor find(std::string const& key) const { return has(key) ? get(key) : Tensor{}; }

    std::map<std::string, Tensor> m_tensors;
};

/// A network in two parts around the layer that is explained. What the second one needs beside that layer's
/// output comes in a list behind it.
struct network {
    using values = std::vector<Tensor>;
    std::function<values(layers const&, Tensor const&)> front;
    std::function<Tensor(layers const&, values const&)> back;

    [[nodiscard]] Tensor operator()(layers const& of, Tensor const& x) const {
        return back(of, front(of, x));
    }
};

network simple_cnn() {
    return {[](layers const& of, Tensor const& x) -> network::values {
                auto y = torch::max_pool2d(torch::relu(of.conv("conv1", x, 1)), 2);
                y = torch::max_pool2d(torch::relu(of.conv("conv2", y, 1)), 2);
                return {of.conv("conv3", y, 1)};
            },
            [](layers const& of, network::values const& from) {
                auto const y = torch::max_pool2d(torch::relu(from[0]), 2).flatten(1);
                return of.linear("fc2", torch::relu(of.linear("fc1", y)));
            }};
}

/// One block of ResNet-20 up to its second convolution, and from there.
Tensor block_front(layers const& of, std::string const& path, Tensor const& x, std::int64_t stride) {
    auto const y = torch::relu(of.norm(path + ".bn1", of.conv(path + ".conv1", x, 1, stride)));
    return of.conv(path + ".conv2", y, 1);
}
Tensor block_back(layers const& of, std::string const& path, Tensor const& y, Tensor x) {
    if (auto const more = (y.size(1) - x.size(1)) / 2; more > 0) {
        x = x.slice(2, 0, c10::nullopt, 2).slice(3, 0, c10::nullopt, 2);
        x = F::pad(x, F::PadFuncOptions({0, 0, 0, 0, more, more}));
    }
    return torch::relu(of.norm(path + ".bn2", y) + x);
}

network resnet20() {
    return {[](layers const& of, Tensor const& x) -> network::values {
                auto y = torch::relu(of.norm("bn1", of.conv("conv1", x, 1)));
                for (int stage = 1; stage <= 3; ++stage)
                    for (int i = 0; i < 3; ++i) {
                        auto const path = "layer" + std::to_string(stage) + '.' + std::to_string(i);
                        auto inner = block_front(of, path, y, stage > 1 && i == 0 ? 2 : 1);
                        if (stage == 3 && i == 2)
                            return {std::move(inner), std::move(y)};
                        y = block_back(of, path, inner, y);
                    }
                return {};
            },
            [](layers const& of, network::values const& from) {
                return of.linear("linear", block_back(of, "layer3.2", from[0], from[1]).mean({2, 3}));
            }};
}

Tensor squeezenet_front(layers const& of, Tensor const& x) {
    auto const pool = [](Tensor const& y) { return torch::max_pool2d(y, 3, 2, 0, 1, true); };
    auto y = torch::relu(of.conv("features.0", x, 0, 2));
    for (int i = 2; i <= 12; ++i) {
        auto const path = "features." + std::to_string(i);
        if (!of.has(path + ".squeeze.weight")) {
            y = pool(y);
            continue;
        }
        auto const squeezed = torch::relu(of.conv(path + ".squeeze", y, 0));
        y = torch::cat({torch::relu(of.conv(path + ".expand1x1", squeezed, 0)),
                        torch::relu(of.conv(path + ".expand3x3", squeezed, 1))},
                       1);
    }
    return y;
}

network squeezenet() {
    return {[](layers const& of, Tensor const& x) -> network::values { return {squeezenet_front(of, x)}; },
            [](layers const& of, network::values const& from) {
                return torch::relu(of.conv("classifier.1", from[0], 1)).mean({2, 3});
            }};
}

Tensor resnet50_front(layers const& of, Tensor const& x) {
    auto y = torch::max_pool2d(torch::relu(of.norm("bn1", of.conv("conv1", x, 3, 2))), 3, 2, 1);
    for (int stage = 1; stage <= 4; ++stage)
        for (int i = 0;; ++i) {
            auto const path = "layer" + std::to_string(stage) + '.' + std::to_string(i);
            if (!of.has(path + ".conv1.weight"))
                break;
            std::int64_t const stride = stage > 1 && i == 0 ? 2 : 1;
            auto z = torch::relu(of.norm(path + ".bn1", of.conv(path + ".conv1", y, 0)));
            z = torch::relu(of.norm(path + ".bn2", of.conv(path + ".conv2", z, 1, stride)));
            z = of.norm(path + ".bn3", of.conv(path + ".conv3", z, 0));
            if (auto const down = path + ".downsample"; of.has(down + ".0.weight"))
                y = of.norm(down + ".1", of.conv(down + ".0", y, 0, stride));
            y = torch::relu(y + z);
        }
    return y;
}

network resnet50() {
    return {[](layers const& of, Tensor const& x) -> network::values { return {resnet50_front(of, x)}; },
            [](layers const& of, network::values const& from) {
                return of.linear("fc", from[0].mean({2, 3}));
            }};
}

network network_of(std::string const& name) {
    if (name == "simple_cnn")
        return simple_cnn();
    if (name == "resnet20")
        return resnet20();
    if (name == "squeezenet")
        return squeezenet();
    if (name == "resnet50")
        return resnet50();
    throw std::runtime_error{"libtorch.cpp knows no network " + name};
}

/// What is kept from run to run.
struct state {
    explicit state(peers::job const& of)
        : net{network_of(of.network)},
          parameters{of.weights},
          input{tensor_of(*of.inputs.find("input"))} {}
    network net;
    layers parameters;
    Tensor input;
    Tensor output;
};

hookcam::state_dict named(std::string name, Tensor const& tensor) {
    hookcam::state_dict one;
    one.insert(std::move(name), entry_of(tensor));
    return one;
}

peers::served forward(peers::job const& of) {
    auto const it = std::make_shared<state>(of);
    return {{},
            [it] {
                c10::InferenceMode const guard;
                it->output = it->net(it->parameters, it->input);
            },
            [it] { return named("output", it->output); }};
}

/// No gradients in front of the layer, and none of the weights.
peers::served grad_cam(peers::job const& of) {
    auto const it = std::make_shared<state>(of);
    auto const run = [it] {
        network::values values;
        {
            torch::NoGradGuard const guard;
            values = it->net.front(it->parameters, it->input);
        }
        auto const& activation = values[0].requires_grad_(true);
        auto const logits = it->net.back(it->parameters, values);
        auto const gradient =
            torch::autograd::grad({logits[0][logits.argmax(1).item<std::int64_t>()]}, {activation})[0];
        torch::NoGradGuard const guard;
        auto cam = torch::relu((gradient.mean({2, 3}, true) * activation).sum(1, true));
        cam = torch::upsample_bilinear2d(cam, {it->input.size(2), it->input.size(3)}, false);
        cam = cam - cam.min();
        auto const largest = cam.max();
        it->output = (largest.item<float>() > 0 ? cam / largest : cam).squeeze(1);
    };
    return {{}, run, [it] { return named("heatmap", it->output); }};
}

peers::served forward_backward(peers::job const& of) {
    auto const it = std::make_shared<state>(of);
    for (auto& [key, tensor] : it->parameters.tensors())
        tensor.requires_grad_(true);
    auto const gradient = tensor_of(*of.inputs.find("gradient"));
    auto const run = [it, gradient] {
        for (auto& [key, tensor] : it->parameters.tensors())
            tensor.mutable_grad().reset();
        it->net(it->parameters, it->input).backward(gradient);
    };
    auto const results = [it] {
        hookcam::state_dict found;
        for (auto& [key, tensor] : it->parameters.tensors())
            found.insert(key, entry_of(tensor.grad()));
        return found;
    };
    return {{}, run, results};
}

peers::served make(peers::job const& of) {
    torch::set_num_threads(static_cast<int>(of.threads));
    auto served = of.kind == "forward"    ? forward(of)
                  : of.kind == "grad_cam" ? grad_cam(of)
                                          : forward_backward(of);
    served.version = "libtorch " TORCH_VERSION;
    return served;
}

} // namespace

int main(int count, char** arguments) {
    return peers::serve(count, arguments, make);
}
