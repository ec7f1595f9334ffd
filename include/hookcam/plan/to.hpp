#pragma once

#include "../tensor/device.hpp"
#include "../tensor/memory.hpp"
#include "model.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam {

/// A copy of a model for another device: `auto on_gpu = to<cuda>(model)`, and back by `to<cpu>(on_gpu)`. Hooks among the
/// network's policies are copied too. Throws `error_kind::device` where there is no such device, or no room on it.
template <class Device, class Network, class T, class From>
[[nodiscard]] model<Network, T, Device> to(model<Network, T, From> const& of) {
    auto made = detail::model_access::with_network<model<Network, T, Device>>(of.network());
    std::size_t const bytes = of.size() * sizeof(T);
    constexpr bool from_gpu = detail::a_gpu<From>;
    constexpr bool to_gpu = detail::a_gpu<Device>;
    T const* values = of.data();
    memory<T> between;
    if constexpr (from_gpu) {
        between = memory<T>{of.size()};
        detail::main_place<From>()->synchronize_device(); // what trains the model may still write
        detail::main_place<From>()->copy_out(between.data(), values, bytes);
        values = between.data();
    }
    if constexpr (to_gpu) {
        detail::main_place<Device>()->copy_in(made.data(), values, bytes);
        detail::main_place<Device>()->synchronize(); // plans have streams of their own
    } else {
        std::copy_n(values, of.size(), made.data());
    }
    return made;
}

} // namespace hookcam
