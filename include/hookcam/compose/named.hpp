#pragma once

#include "../core/fixed_string.hpp"
#include "../core/lists.hpp"
#include "../layers/identity/identity.hpp"

#include <string>
// slots: begin
#include "../hooks/slot.hpp"
// slots: end

namespace hookcam {

/// Gives a layer or a composite its name in paths and in the state dict, as an attribute of a PyTorch module
/// does. Slots that follow hook it: `named<"conv1", conv2d<…>, slot<events::forward, H>>`.
template <fixed_string Name, class Node, class... Slots>
struct named {
    static_assert(Name.view().size() != 0,
                  "hookcam::named: a name must not be empty; give one, or leave named out");
    static_assert(
        Name.view().find('.') == std::string_view::npos,
        "hookcam::named: a name must not hold a dot, which parts the names of a path; nest named layers");

    /// The name, as a `fixed_string`.
    static constexpr auto name = Name;
    /// What has the name.
    using node_type = Node;

    [[no_unique_address]] Node node; ///< of `node_type`
    // slots: begin
    static_assert(
        (true && ... && detail::a_slot<Slots>),
        "hookcam::named: what follows the layer must be slots; give other policies to the layer itself");

    using slot_list = detail::list<Slots...>;
    [[no_unique_address]] detail::slots_of<named, slot_list> m_slots;
    [[nodiscard]] constexpr auto const& slots() const noexcept { return m_slots; }
    // slots: end

    [[nodiscard]] static std::string type_name() {
        return "named<\"" + std::string{Name.view()} + "\", " + Node::type_name() + '>';
    }
};

/// A named place between two layers, where hooks see the tensor as it passes, and its gradient on the way
/// back.
template <fixed_string Name, class... Slots>
using tap = named<Name, identity<>, Slots...>;

namespace detail {

template <class T>
inline constexpr bool is_named = false;
template <fixed_string Name, class Node, class... Slots>
inline constexpr bool is_named<named<Name, Node, Slots...>> = true;

/// A number as a name: 0, 1, 2 …
template <std::size_t Number>
constexpr auto digits() {
    constexpr std::size_t length = [] {
        std::size_t count = 1;
        for (std::size_t rest = Number; rest >= 10; rest /= 10)
            ++count;
        return count;
    }();
    char text[length + 1]{};
    std::size_t rest = Number;
    for (std::size_t i = length; i-- > 0; rest /= 10)
        text[i] = static_cast<char>('0' + rest % 10);
    return fixed_string<length + 1>{text};
}

} // namespace detail

} // namespace hookcam
