#pragma once

#include "difference.hpp"
#include "files.hpp"
#include "timed.hpp"
#include "work.hpp"

#include <hookcam/hookcam.hpp>
#include <hookcam/io/load_state_dict.hpp>
#include <hookcam/io/to_state_dict.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <iomanip>
#include <memory>
#include <random>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace compare {

namespace hc = hookcam;

/// A copy of a tensor, for a file.
template <class Tensor>
[[nodiscard]] hc::state_entry entry_of(Tensor const& tensor) {
    auto const bytes = std::as_bytes(std::span{tensor.data(), tensor.size()});
    return {hc::dtype::f32, {tensor.shape().begin(), tensor.shape().end()}, {bytes.begin(), bytes.end()}};
}

template <class Tensor>
[[nodiscard]] hc::state_dict named(std::string name, Tensor const& tensor) {
    hc::state_dict one;
    one.insert(std::move(name), entry_of(tensor));
    return one;
}

/// A model with the weights of a file.
template <class Network>
[[nodiscard]] hc::model<Network> weights_of(std::filesystem::path const& file) {
    hc::model<Network> model;
    hc::load_state_dict(model, read_tensors(file), {.strip_prefix = "module."});
    return model;
}

/// Seeded random parameters that keep numbers in range on their way through a network: weights after He et
/// al., "Delving deep into rectifiers" (2015), and batch norms that do a little of everything.
template <class Network>
[[nodiscard]] hc::model<Network> random_weights() {
    hc::model<Network> model;
    std::mt19937 random{11};
    auto const fill = [&](auto const& entry, auto distribution) {
        std::generate_n(entry.data, entry.size, [&] { return distribution(random); });
    };
    for (auto const& entry : model.entries()) {
        if (entry.shape.size() > 1) {
            auto const terms = static_cast<float>(entry.size / entry.shape[0]);
            fill(entry, std::normal_distribution<float>{0, std::sqrt(2 / terms)});
        } else if (entry.key.ends_with("weight") || entry.key.ends_with("running_var")) {
            fill(entry, std::uniform_real_distribution<float>{0.5F, 1});
        } else {
            fill(entry, std::normal_distribution<float>{0, 0.1F});
        }
    }
    return model;
}

/// The floating-point operations of a forward pass over one picture, one number for each layer that
/// multiplies, in order of execution, with its path.
template <class Network, class Shape>
[[nodiscard]] std::vector<std::pair<std::string, double>> operations_of(hc::model<Network> const& model) {
    std::vector<std::pair<std::string, double>> layers;
    constexpr std::string_view weight = ".weight";
    for (auto const& entry : model.entries()) {
        if (!entry.key.ends_with(weight) || entry.shape.size() < 2)
            continue;
        // Every output element is a sum over the weights of its channel.
        auto const path = entry.key.substr(0, entry.key.size() - weight.size());
        auto const outputs = hc::detail::sizes_at<Network>(path, Shape::value).sizes.count();
        layers.emplace_back(path, 2.0 * static_cast<double>(outputs * (entry.size / entry.shape[0])));
    }
    return layers;
}

/// What the works of one network have in common.
template <class Network, class Shape>
class network_work : public work {
public:
    void write(std::filesystem::path const& folder) const override {
        write_tensors(folder / "weights.safetensors", hc::to_state_dict(m_model));
        write_tensors(folder / "inputs.safetensors", inputs());
    }

protected:
    using model = hc::model<Network>;

    network_work(model weights, pictures input) : m_model{std::move(weights)}, m_input{std::move(input)} {}

    /// What the network is given, by name.
    [[nodiscard]] virtual hc::state_dict inputs() const { return named("input", m_input); }

    /// Operations over the batch: forward, and again for each layer as often as `more(index, path)` says.
    template <class More>
    [[nodiscard]] double operations(More const& more) const {
        double sum = 0;
        std::size_t index = 0;
        for (auto const& [path, count] : operations_of<Network, Shape>(m_model))
            sum += count * (1 + more(index++, path));
        return sum * static_cast<double>(m_input.shape()[0]);
    }

    /// Bytes of the outputs of all layers that multiply.
    [[nodiscard]] double bytes_of_outputs() const {
        double sum = 0;
        for (auto const& entry : m_model.entries())
            if (entry.key.ends_with(".weight") && entry.shape.size() > 1) {
                auto const path = entry.key.substr(0, entry.key.rfind('.'));
                sum += static_cast<double>(hc::detail::sizes_at<Network>(path, Shape::value).sizes.count());
            }
        return sum * static_cast<double>(m_input.shape()[0] * sizeof(float));
    }

    /// Bytes of the weights and of the input.
    [[nodiscard]] double bytes() const {
        return static_cast<double>((m_model.size() + m_input.size()) * sizeof(float));
    }

    model m_model;
    pictures m_input;
};

/// Pictures to logits.
template <class Network, class Shape>
class forward_work final : public network_work<Network, Shape> {
    using base = network_work<Network, Shape>;

public:
    forward_work(hc::model<Network> weights, pictures input)
        : base{std::move(weights), std::move(input)},
          m_plan{hc::plan<Shape>(base::m_model)} {}

    void run() override { m_plan(base::m_input); }

    [[nodiscard]] hc::state_dict results() const override { return named("output", m_plan.output()); }

    [[nodiscard]] std::string remark() const override {
        auto const held = static_cast<double>(m_plan.memory() - m_plan.packed_memory());
        std::ostringstream text;
        text << std::fixed << std::setprecision(1) << held / 1e6 << " MB without packed weights, "
             << 100 * held / base::bytes_of_outputs() << " % of the outputs of its layers";
        return text.str();
    }

    /// Sums of thousands of terms, each in an order of its own, through tens of layers.
    [[nodiscard]] double tolerance() const override { return 1e-4; }

    [[nodiscard]] cost least() const override {
        return {base::operations([](auto&&...) { return 0; }), base::bytes()};
    }

private:
    hc::planned<hc::model<Network>, hc::logits_request, Shape> m_plan;
};

/// A picture to its heatmap at one layer, for the predicted class.
template <class Network, class Shape, hc::fixed_string Path>
class grad_cam_work final : public network_work<Network, Shape> {
    using base = network_work<Network, Shape>;

public:
    grad_cam_work(hc::model<Network> weights, pictures input)
        : base{std::move(weights), std::move(input)},
          m_look{hc::plan<Shape>(base::m_model, hc::grad_cam_request<Path>{})} {}

    void run() override { m_found = &m_look(base::m_input); }

    [[nodiscard]] hc::state_dict results() const override { return named("heatmap", m_found->heatmap); }

    /// The map is divided by its largest value, which makes a difference larger where that is small.
    [[nodiscard]] double tolerance() const override { return 1e-3; }

    /// Forward, and the gradients of all that comes behind the layer.
    [[nodiscard]] cost least() const override {
        bool is_behind = false;
        auto const operations = base::operations([&](std::size_t, std::string const& path) {
            bool const differentiates = is_behind;
            is_behind = is_behind || path == Path.view();
            return differentiates ? 1 : 0;
        });
        return {operations, base::bytes()};
    }

    [[nodiscard]] std::unique_ptr<runner> own_peer(std::string_view name, std::size_t) override {
        return name == "own_forward" ? std::make_unique<own_forward>(*this) : nullptr;
    }

private:
    /// Our own forward pass: what the explanation adds to it is the rest.
    class own_forward final : public runner {
    public:
        explicit own_forward(grad_cam_work const& beside)
            : m_beside{beside},
              m_plan{hc::plan<Shape>(beside.m_model)} {}

        std::vector<double> run(std::size_t times) override {
            return timed(times, [&] { m_plan(m_beside.m_input); });
        }

        double difference() override {
            auto const output = m_plan(m_beside.m_input);
            auto const& logits = m_beside.m_found->logits;
            return relative_difference(std::span{logits.data(), logits.size()},
                                       std::span{output.data(), output.size()});
        }

    private:
        grad_cam_work const& m_beside;
        hc::planned<hc::model<Network>, hc::logits_request, Shape> m_plan;
    };

    using plan_type = hc::planned<hc::model<Network>, hc::grad_cam_request<Path>, Shape>;
    plan_type m_look;
    std::remove_reference_t<decltype(std::declval<plan_type&>()(std::declval<pictures const&>()))>* m_found =
        nullptr;
};

/// Pictures and a gradient of their logits to the gradients of all parameters.
template <class Network, class Shape>
class forward_backward_work final : public network_work<Network, Shape> {
    using base = network_work<Network, Shape>;
    using request = hc::with_parameter_gradients<hc::gradients_request<>>;

public:
    forward_backward_work(hc::model<Network> weights, pictures input)
        : base{std::move(weights), std::move(input)},
          m_plan{hc::plan<Shape>(base::m_model, request{})},
          m_gradient{m_plan.forward(base::m_input)} {
        std::mt19937 random{13};
        std::normal_distribution<float> normal{0, 0.1F};
        std::generate(m_gradient.begin(), m_gradient.end(), [&] { return normal(random); });
    }

    void run() override { m_plan(base::m_input, m_gradient); }

    [[nodiscard]] hc::state_dict results() const override {
        hc::state_dict found;
        for (auto const& entry : base::m_model.entries())
            if (entry.is_learned)
                found.insert(std::string{entry.key}, entry_of(m_plan.parameter_gradient(entry.key)));
        return found;
    }

    /// Two numbers of a pooling window may be equal but for rounding, and then a gradient goes another way.
    [[nodiscard]] double tolerance() const override { return 1e-3; }

    /// Forward, the gradients of all weights, and those of all inputs but the pictures.
    [[nodiscard]] cost least() const override {
        auto const operations =
            base::operations([](std::size_t index, auto&&) { return index == 0 ? 1 : 2; });
        return {operations, base::bytes() + static_cast<double>(base::m_model.size() * sizeof(float))};
    }

protected:
    [[nodiscard]] hc::state_dict inputs() const override {
        auto both = base::inputs();
        both.insert("gradient", entry_of(m_gradient));
        return both;
    }

private:
    hc::planned<hc::model<Network>, request, Shape> m_plan;
    xt::xtensor<float, 2> m_gradient; ///< of the logits
};

/// Peers that take any network forward.
inline std::vector<std::string_view> const forward_peers{
    "libtorch", "pytorch", "pytorch_optimized", "pytorch_compile", "onnxruntime", "openvino", "ncnn",
};

/// Peers that explain.
inline std::vector<std::string_view> const grad_cam_peers{
    "own_forward", "libtorch", "pytorch_tutorial", "pytorch_grad", "pytorch_compile",
};

} // namespace compare
