#pragma once

#include <hookcam/hookcam.hpp>
#include <hookcam/io/state_dict.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <span>
#include <string>

/// Runs layers on tensors that layers_pytorch.py made, for it to compare with PyTorch. A setting of a layer is a
/// network type under a key such as `conv2d.7`; the key's tensors are `conv2d.7.x`, `.grad_y` and the parameters,
/// `.own.weight`, and what comes back are `.y`, `.grad_x` and `.grad.weight`.
namespace compared {

namespace hc = hookcam;

using runner = void (*)(std::string const& key, hc::state_dict const& given, hc::state_dict& results);

/// Every setting that was compiled in.
inline std::map<std::string, runner>& settings() {
    static std::map<std::string, runner> all;
    return all;
}

/// What is defined at namespace scope by the sources that the script writes.
struct registration {
    registration(std::initializer_list<std::map<std::string, runner>::value_type> some) {
        settings().insert(some);
    }
};

inline hc::state_entry const& entry(hc::state_dict const& given, std::string const& key) {
    auto const* const found = given.find(key);
    if (found == nullptr)
        throw hc::error{hc::error_kind::use, "layers_pytorch: there must be a tensor " + key};
    return *found;
}

template <std::size_t Rank>
xt::xtensor<double, Rank> tensor(hc::state_entry const& from) {
    std::array<std::size_t, Rank> shape{};
    std::copy_n(from.shape.begin(), Rank, shape.begin());
    auto to = xt::xtensor<double, Rank>::from_shape(shape);
    auto const values = from.to<double>();
    std::copy(values.begin(), values.end(), to.data());
    return to;
}

inline void store(hc::state_dict& results, std::string const& key, double const* data,
                  std::vector<std::size_t> const& shape) {
    std::size_t size = 1;
    for (auto const axis : shape)
        size *= axis;
    auto const bytes = std::as_bytes(std::span{data, size});
    results.insert(key, {hc::dtype::f64, shape, {bytes.begin(), bytes.end()}});
}

inline void store(hc::state_dict& results, std::string const& key, auto const& tensor) {
    store(results, key, tensor.data(), {tensor.shape().begin(), tensor.shape().end()});
}

/// Forward and all gradients in double, by the plan that any user would make.
template <class Network, class Shape>
void run(std::string const& key, hc::state_dict const& given, hc::state_dict& results) {
    hc::model<Network, double> model;
    for (auto const& own : model.entries()) {
        auto const values = entry(given, key + ".own." + std::string{own.key}).to<double>();
        std::copy(values.begin(), values.end(), own.data);
    }
    auto plan = hc::plan<Shape>(
        model, hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<>>>{});
    store(results, key + ".y", plan.forward(tensor<Shape::rank + 1>(entry(given, key + ".x"))));
    plan.backward(tensor<decltype(plan)::output_shape::rank + 1>(entry(given, key + ".grad_y")));
    store(results, key + ".grad_x", plan.input_gradient());
    for (auto const& own : model.entries())
        if (own.is_learned)
            store(results, key + ".grad." + std::string{own.key}, plan.parameter_gradient(own.key));
}

} // namespace compared
