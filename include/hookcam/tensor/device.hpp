#pragma once

#include "memory_place.hpp"

#include <concepts>

namespace hookcam {

/// The processor that runs this program; kernels are chosen by such a tag.
struct cpu {};

namespace detail {

/// A device with memory of its own: a small value that says on which stream of it kernels run. `stream_type` is a
/// `memory_place`, and `launch(grid, body)` starts a kernel.
template <class Device>
concept a_gpu = requires(Device const& device) {
    requires std::derived_from<typename Device::stream_type, memory_place>;
    { device.stream } -> std::convertible_to<typename Device::stream_type*>;
};

/// Where a model for a device has its parameters: null is the processor's own memory.
template <class Device>
[[nodiscard]] memory_place* main_place() {
    if constexpr (a_gpu<Device>)
        return &Device::stream_type::main();
    else
        return nullptr;
}

} // namespace detail

} // namespace hookcam
