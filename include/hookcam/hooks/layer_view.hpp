#pragma once

#include "../core/error.hpp"
#include "../core/extents.hpp"
#include "../tensor/device.hpp"
#include "../tensor/device_view.hpp"
#include "../tensor/view.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace hookcam {

namespace detail {

/// What a hook sees of a tensor of run-time rank.
template <class T, class Device>
struct seen_by_hook {
    using type = any_view<T const>;
};
template <class T, class Device>
    requires a_gpu<Device>
struct seen_by_hook<T, Device> {
    using type = device_view<T const, dynamic, Device>;
};
template <class T, class Device>
using any_seen = typename seen_by_hook<T, Device>::type;

} // namespace detail

/// What a hook learns of its layer: its path, its type's name, its parameters by name. Good until the hook
/// returns.
template <class T, class Device = cpu>
class layer_view {
public:
    /// For a plan: `find` looks a parameter up among those of the layer, by its name below the layer's path.
    struct source {
        std::string_view path;      ///< of the layer
        std::string (*type_name)(); ///< of its type
        void const* table;          ///< the network's parameters by name
        T const* parameters;        ///< the model's
        bool (*find)(void const* table, std::string_view path, std::string_view name, std::size_t& offset,
                     extents& sizes);          ///< true where there is such a parameter
        [[no_unique_address]] Device device{}; ///< on which the model is
    };

    /// Made by a plan, for a hook.
    explicit layer_view(source const& from) noexcept : m_from{from} {}

    /// `layer1.0.conv2`; that of the nearest named composite where the layer has no name of its own.
    [[nodiscard]] std::string_view path() const noexcept { return m_from.path; }

    /// `conv2d<1, 2, kernel<3>, padding<1>>`
    [[nodiscard]] std::string type_name() const { return m_from.type_name(); }

    /// A view of a parameter by its name below this layer: `parameter("weight")`. An unknown name throws.
    [[nodiscard]] detail::any_seen<T, Device> parameter(std::string_view name) const {
        std::size_t offset = 0;
        extents sizes;
        if (!m_from.find(m_from.table, m_from.path, name, offset, sizes))
            throw error{error_kind::use, "hookcam::layer_view: the layer \"" + std::string{m_from.path} +
                                             "\" must have the parameter \"" + std::string{name} +
                                             "\"; take one that its type has"};
        if constexpr (detail::a_gpu<Device>)
            return detail::any_device_view(m_from.device, m_from.parameters + offset, sizes);
        else
            return detail::any_view_of(m_from.parameters + offset, sizes);
    }

private:
    source m_from;
};

/// The same for a typed hook, which knows the layer's type too.
template <class Layer, class T, class Device = cpu>
class typed_layer : public layer_view<T, Device> {
public:
    /// The layer's type.
    using type = Layer;
    using layer_view<T, Device>::layer_view;
};

} // namespace hookcam
