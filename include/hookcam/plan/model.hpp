#pragma once

#include "../compose/paths.hpp"
#include "../core/error.hpp"
#include "../core/instruction_set.hpp"
#include "../tensor/device.hpp"
#include "../tensor/memory.hpp"
#include "../tensor/view.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hookcam {

/// One tensor of a model's state dict: its key, its sizes, and its elements, row-major.
template <class T>
struct parameter_entry {
    std::string_view key;               ///< `layer1.0.conv1.weight`, as in PyTorch's state dict
    std::span<std::size_t const> shape; ///< as PyTorch's; a view into static memory
    T* data;                            ///< in the model's memory
    std::size_t size;                   ///< the number of elements
    bool is_learned;                    ///< false for what is measured, as running_mean
};

namespace detail {
struct model_access;

/// Shows in its argument the model.
template <class Model, bool IsHere>
struct parameters_must_be_here {
    static_assert(IsHere, "hookcam::model: the parameters must be in the processor's memory to be read or "
                          "written; copy the model there with to<cpu>(model)");
    static constexpr bool value = true;
};
} // namespace detail

/// Network × scalar type × device: the structure is in the type, the parameters are in the object, on the
/// heap or in the device's memory (see `to`). A model is a value: it copies deeply, and a new one is made of another that
/// goes without a copy (a moved-from model can only be assigned to or destroyed). It is const in forward, backward and
/// explanation, and any number of threads may share it.
/// Parameters are zero until something is loaded; scales and variances are one.
template <class Network, class T = float, class Device = cpu>
class model {
    static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>,
                  "hookcam::model: the scalar type must be float or double; choose one of them");
    static_assert(std::is_same_v<T, float> || !detail::a_gpu<Device>,
                  "hookcam::model: the scalar type must be float on a GPU; take a model of float there");

public:
    using network_type = Network;
    using value_type = T;
    using device_type = Device;

    /// Parameters are zero; scales and variances are one.
    model() : m_block{std::make_unique<block>()} {
        if constexpr (detail::a_gpu<Device>) {
            memory<T> begin{size()};
            fill_initially(begin.data());
            detail::main_place<Device>()->copy_in(data(), begin.data(), size() * sizeof(T));
            let_plans_see();
        } else {
            fill_initially(data());
        }
    }
    /// A deep copy.
    model(model const& other) {
        if constexpr (detail::a_gpu<Device>)
            detail::main_place<Device>()->synchronize_device(); // what trains it may still write
        m_block = std::make_unique<block>(*other.m_block);
        let_plans_see();
    }
    model(model&&) noexcept = default;
    /// Copies the parameters into this model's memory: its plans stay valid.
    model& operator=(model const& other) {
        if (m_block == nullptr) {
            *this = model{other};
        } else if constexpr (detail::a_gpu<Device>) {
            auto* const place = detail::main_place<Device>();
            place->synchronize_device(); // plans may still read, and what trains the other may write
            place->copy(data(), other.data(), size() * sizeof(T));
            let_plans_see();
        } else {
            std::copy_n(other.data(), size(), data());
        }
        return *this;
    }
    /// Where this model has memory of its own, copies the parameters into that: its plans stay valid. On a GPU the copy can
    /// fail, and throws.
    model& operator=(model&& other) noexcept(!detail::a_gpu<Device>) {
        if (m_block == nullptr)
            m_block = std::move(other.m_block);
        else if (this != &other)
            *this = std::as_const(other);
        return *this;
    }
    ~model() = default;

    [[nodiscard]] Network const& network() const noexcept { return m_block->network; }

    /// All parameters, one behind the other in the order of `entries()`. Asking for mutable access (here, by
    /// `entries()` or by `parameter()`) counts as a change, and between threads as a write: plans read the parameters
    /// anew at their next call.
    [[nodiscard]] T* data() noexcept {
        ++m_block->changes;
        return m_block->values.data();
    }
    /// The same of a model that is const.
    [[nodiscard]] T const* data() const noexcept { return m_block->values.data(); }
    /// How often the parameters may have changed so far. Good as long as the model's memory is.
    [[nodiscard]] std::size_t const& changes() const noexcept { return m_block->changes; }
    /// The number of all their elements.
    [[nodiscard]] std::size_t size() const noexcept { return m_block->values.size(); }

    /// Runs the network once: from an expression N,C,H,W or C,H,W (N,F or F) to its output, the batch first.
    template <class Input, class Set = detail::instruction_set>
    [[nodiscard]] auto operator()(Input const& input) const;

    /// The state dict's tensors, in order of execution.
    [[nodiscard]] std::vector<parameter_entry<T>> entries() { return entries_over(data()); }
    /// The same of a model that is const.
    [[nodiscard]] std::vector<parameter_entry<T const>> entries() const { return entries_over(data()); }

    /// Keys that a state dict may hold beside them, for which the network has no use.
    [[nodiscard]] static std::vector<std::string> const& optional_keys() {
        return detail::table_of<Network>().ignored_entries;
    }

    /// A view of one tensor by its key, `parameter("conv1.weight")`, of run-time rank. An unknown key throws.
    [[nodiscard]] auto parameter(std::string_view key) { return parameter_over(key, data()); }
    /// The same of a model that is const.
    [[nodiscard]] auto parameter(std::string_view key) const { return parameter_over(key, data()); }

private:
    friend struct detail::model_access;
    struct block {
        [[no_unique_address]] Network network{};
        memory<T> values{detail::table_of<Network>().size, detail::main_place<Device>()};
        std::size_t changes = 0;
    };
    std::unique_ptr<block> m_block;

    /// For `to`: the network of another model, without parameters yet.
    explicit model(Network const& network) : m_block{new block{network}} {}

    /// Plans have streams of their own: what was written must be there when one of them reads.
    static void let_plans_see() {
        if constexpr (detail::a_gpu<Device>)
            detail::main_place<Device>()->synchronize();
    }

    static void fill_initially(T* values) {
        for (auto const& row : detail::table_of<Network>().parameters)
            std::fill_n(values + row.offset, row.sizes.count(), static_cast<T>(row.initially));
    }

    template <class U>
    static std::vector<parameter_entry<U>> entries_over(U* data) {
        static_assert(detail::keys_differ<Network>);
        static_assert(detail::parameters_must_be_here<model, !detail::a_gpu<Device>>::value);
        std::vector<parameter_entry<U>> entries;
        for (auto const& row : detail::table_of<Network>().parameters)
            entries.push_back({row.key,
                               {row.sizes.sizes.data(), row.sizes.rank},
                               data + row.offset,
                               row.sizes.count(),
                               row.is_learned});
        return entries;
    }

    template <class U>
    static any_view<U> parameter_over(std::string_view key, U* data) {
        static_assert(detail::keys_differ<Network>);
        static_assert(detail::parameters_must_be_here<model, !detail::a_gpu<Device>>::value);
        std::string keys;
        for (auto const& row : detail::table_of<Network>().parameters) {
            if (row.key == key)
                return detail::any_view_of(data + row.offset, row.sizes);
            keys += ' ' + row.key;
        }
        throw error{error_kind::use, "hookcam::model: must have a parameter \"" + std::string{key} +
                                         "\"; take one of:" + keys};
    }
};

namespace detail {

/// The parameters for whoever says by himself when he changes them.
struct model_access {
    template <class Network, class T, class Device>
    [[nodiscard]] static T* parameters(model<Network, T, Device>& of) noexcept {
        return of.m_block->values.data();
    }
    template <class Network, class T, class Device>
    [[nodiscard]] static std::size_t& changes(model<Network, T, Device>& of) noexcept {
        return of.m_block->changes;
    }
    template <class Model>
    [[nodiscard]] static Model with_network(typename Model::network_type const& of) {
        return Model{of};
    }
};

template <class T>
inline constexpr bool is_model = false;
template <class Network, class T, class Device>
inline constexpr bool is_model<model<Network, T, Device>> = true;

} // namespace detail

} // namespace hookcam
