#pragma once

#include "../core/extents.hpp"
#include "../core/fixed_string.hpp"
#include "../core/instruction_set.hpp"
#include "../core/lists.hpp"
#include "../tensor/device.hpp"
#include "../tensor/device_view.hpp"
#include "../tensor/view.hpp"

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

namespace hookcam {

/// A parameter that a layer learns: its name in the state dict and its sizes.
template <fixed_string Name, std::size_t... Sizes>
struct parameter {
    static constexpr auto name = Name;                    ///< below the layer's path
    static constexpr std::size_t rank = sizeof...(Sizes); ///< the number of axes
    static constexpr extents sizes{Sizes...};             ///< as in PyTorch
    static constexpr bool is_learned = true;              ///< it has a gradient
    static constexpr double initially = 0;                ///< every element, until something is loaded
};

/// A tensor of the state dict that is measured, not learned (PyTorch's buffers): it has no gradient.
template <fixed_string Name, std::size_t... Sizes>
struct statistic : parameter<Name, Sizes...> {
    static constexpr bool is_learned = false; ///< it has no gradient
};

/// A parameter or a statistic whose elements are one until something is loaded.
template <class Parameter>
struct initially_one : Parameter {
    static constexpr double initially = 1; ///< every element, until something is loaded
};

/// What a layer keeps in the model, in the order of its state dict.
template <class... Parameters>
struct parameters {
    /// The number of tensors.
    static constexpr std::size_t count = sizeof...(Parameters);
    /// The number of all their elements.
    static constexpr std::size_t size = (std::size_t{0} + ... + Parameters::sizes.count());
    /// True where one of them has a gradient.
    static constexpr bool any_learned = (false || ... || Parameters::is_learned);
};

namespace detail {

template <fixed_string Name, class... Parameters>
struct parameter_at {
    static_assert(always_false<Parameters...>, "hookcam::get: the layer must have a parameter of this name");
};

/// Where a layer's parameter lies, counted from the layer's first.
template <fixed_string Name, class First, class... Rest>
struct parameter_at<Name, First, Rest...> {
    static constexpr bool is_first = First::name.view() == Name.view();
    static constexpr auto find() {
        if constexpr (is_first)
            return std::pair<First, std::size_t>{First{}, 0};
        else {
            auto const found = parameter_at<Name, Rest...>::find();
            return std::pair{found.first, found.second + First::sizes.count()};
        }
    }
};

template <fixed_string Name, class... Parameters>
constexpr auto find_parameter(parameters<Parameters...>) {
    return parameter_at<Name, Parameters...>::find();
}

} // namespace detail

inline namespace HOOKCAM_INSTRUCTION_SET {

/// What a plan hands to a layer beside its input: the layer's parameters (or, for a backward, their
/// gradients), scratch memory for the call, and the state that forward leaves for backward.
template <class Layer, class T, class Device>
struct belongings {
    using layer_type = Layer; ///< whose they are
    using value_type = T;
    using device = Device; ///< where they lie

    T* parameters = nullptr; ///< one behind the other; see `get`
    void* scratch = nullptr; ///< of `scratch_bytes`, for this call
    void* state = nullptr;   ///< null where no backward will ask for it
    /// What the layer's `pack` made of its parameters; null where it packs nothing for this batch.
    std::remove_const_t<T> const* packed = nullptr;
    std::size_t workers = 1;           ///< threads that may share the work
    [[no_unique_address]] Device on{}; ///< that device, and of a GPU the stream
};

} // namespace HOOKCAM_INSTRUCTION_SET

/// A view of a layer's parameter: `get<"weight">(own)`.
template <fixed_string Name, class Layer, class T, class Device>
[[nodiscard]] auto get(belongings<Layer, T, Device> const& own) {
    constexpr auto found = detail::find_parameter<Name>(typename Layer::parameters{});
    constexpr std::size_t rank = decltype(found.first)::rank;
    std::array<std::size_t, rank> shape{};
    for (std::size_t axis = 0; axis < rank; ++axis)
        shape[axis] = decltype(found.first)::sizes[axis];
    if constexpr (detail::a_gpu<Device>)
        return device_view<T, rank, Device>{own.on, own.parameters + found.second, shape};
    else
        return detail::view_of<rank>(own.parameters + found.second, shape);
}

namespace detail {

template <fixed_string Name, class... Parameters>
constexpr bool has_parameter(parameters<Parameters...>) {
    return (false || ... || (Parameters::name.view() == Name.view()));
}

/// A parameter's elements; null where the layer has no parameter of this name.
template <fixed_string Name, class Layer, class T, class Device>
[[nodiscard]] T* data_or_null(belongings<Layer, T, Device> const& own) {
    if constexpr (has_parameter<Name>(typename Layer::parameters{}))
        return get<Name>(own).data();
    else
        return nullptr;
}

/// The layer's scratch memory as numbers.
template <class Layer, class T, class Device>
[[nodiscard]] auto* scratch_of(belongings<Layer, T, Device> const& own) {
    return static_cast<std::remove_const_t<T>*>(own.scratch);
}

} // namespace detail

} // namespace hookcam
