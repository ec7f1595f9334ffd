#pragma once

#include "../compose/composite.hpp"
#include "../compose/named.hpp"
#include "../core/counter_random.hpp"
#include "../layers/layer.hpp"
#include "../plan/model.hpp"
#include "../plan/to.hpp"
#include "../tensor/device.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace hookcam {

namespace detail {

/// Walks over the parameters of a network in the order of its state dict.
template <class T>
struct initializer {
    std::uint64_t seed;
    T* data;                  ///< of the next tensor
    std::uint32_t tensor = 0; ///< its index

    /// A tensor of numbers from −bound to bound.
    void fill_uniform(std::size_t size, double bound) const {
        counter_random const draw{seed, random_use::initialization, 0, tensor};
        for (std::size_t i = 0; i < size; ++i)
            data[i] = static_cast<T>((2 * draw.uniform<double>(i) - 1) * bound);
    }

    /// A layer whose weight is a matrix or a window of weights, that no more is said of: PyTorch's Kaiming.
    template <class... Parameters>
    static constexpr std::size_t fan_in(hookcam::parameters<Parameters...>) {
        std::size_t found = 0;
        ((Parameters::name.view() == "weight" && Parameters::rank >= 2 && Parameters::initially == 0
              ? void(found = Parameters::sizes.count() / Parameters::sizes[0])
              : void()),
         ...);
        return found;
    }

    template <class Layer, class... Parameters>
    void layer(hookcam::parameters<Parameters...> all) {
        [[maybe_unused]] constexpr std::size_t terms = fan_in(all);
        (one<Parameters>(terms), ...);
    }

    template <class Parameter>
    void one([[maybe_unused]] std::size_t terms) {
        constexpr auto name = Parameter::name.view();
        constexpr std::size_t size = Parameter::sizes.count();
        if (terms != 0 && (name == "weight" || name == "bias"))
            fill_uniform(size, 1 / std::sqrt(static_cast<double>(terms)));
        else
            std::fill_n(data, size, static_cast<T>(Parameter::initially));
        data += size;
        ++tensor;
    }
};

template <class Node, class T>
void initialize_node(initializer<T>& with) {
    if constexpr (is_named<Node>)
        initialize_node<typename Node::node_type>(with);
    else if constexpr (a_composite<Node>)
        [&with]<class... Children>(list<Children...>) {
            (initialize_node<Children>(with), ...);
        }(typename Node::children{});
    else
        with.template layer<Node>(typename Node::parameters{});
}

} // namespace detail

/// Sets all parameters as PyTorch's layers begin: weights of convolutions and linear layers, and their biases, uniform
/// within ±1/√fan_in (He et al. 2015, "Kaiming uniform", with a = √5; fan_in is a weight's size over its first axis), norms
/// to one and zero, running statistics to those of nothing. Layers of one's own likewise, if a parameter of more than one
/// axis is called "weight"; all else begins as it is declared. The numbers hang on the seed, the tensor and the element
/// alone: they are the same on every machine, and a double is its float before rounding.
template <class Network, class T, class Device>
void initialize(model<Network, T, Device>& of, std::uint64_t seed) {
    if constexpr (detail::a_gpu<Device>) {
        model<Network, T> here;
        initialize(here, seed);
        of = to<Device>(here);
    } else {
        detail::initializer<T> with{seed, of.data()};
        detail::initialize_node<Network>(with);
    }
}

} // namespace hookcam
