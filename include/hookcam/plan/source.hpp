#pragma once

#include "../core/instruction_set.hpp"
#include "../core/lists.hpp"
#include "model.hpp"
#include "tape.hpp"

#include <cstddef>
#include <type_traits>
#include <utility>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// What a plan reads of what it borrows: of a model itself here; of a model with hooks in attach.hpp and
/// runtime_hooks.hpp, by the same members. `Value` is the scalar, const where what is borrowed is const.
template <class Network, class Value, class Device>
struct model_source {
    using network_type = Network;
    using value_type = std::remove_const_t<Value>;
    using device_type = Device;
    using tape_type = tape<value_type>;

    Network const* m_network;
    Value* m_parameters;
    std::conditional_t<std::is_const_v<Value>, std::size_t const, std::size_t>* m_changes;

    [[nodiscard]] Network const& network() const noexcept { return *m_network; }
    [[nodiscard]] Value* parameters() const noexcept { return m_parameters; }
    /// Grows whenever somebody may have changed the parameters.
    [[nodiscard]] std::size_t changes() const noexcept { return *m_changes; }
    /// Says that the parameters were changed.
    void count_change() const noexcept requires(!std::is_const_v<Value>) { ++*m_changes; }

    /// What waits in the network: the attached slots, with their paths.
    using items = list<>;
    // slots: begin
    static constexpr bool run_time_hooks = false;
    using slots_type = leaves_for<>;
    [[nodiscard]] static slots_type const& slots() noexcept {
        static constexpr slots_type none{};
        return none;
    }
    // slots: end
};

} // namespace HOOKCAM_INSTRUCTION_SET

/// How a plan keeps what it is given: `type` is its source; `kept<IsNamed>` stands for it in the plan's type;
/// a temporary may be moved in where `can_be_moved_in`.
template <class Borrowed>
struct source_of;
template <class Network, class T, class Device>
struct source_of<model<Network, T, Device>> {
    using type = model_source<Network, T const, Device>;
    static constexpr bool can_be_moved_in = false;
    template <bool IsNamed>
    using kept = model<Network, T, Device>;

    [[nodiscard]] static type borrow(model<Network, T, Device> const& of) noexcept {
        return {&of.network(), of.data(), &of.changes()};
    }
};

/// The source for something that has a name, or for a temporary that can be moved in.
template <class Borrowed>
[[nodiscard]] auto borrow(Borrowed&& of) {
    return source_of<std::remove_cvref_t<Borrowed>>::borrow(std::forward<Borrowed>(of));
}

} // namespace hookcam::detail
