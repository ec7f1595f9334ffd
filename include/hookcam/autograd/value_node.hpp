#pragma once

#include "../core/instruction_set.hpp"
#include "node.hpp"
#include "spare_memory.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// Values up to so many bytes lie behind their node, in one piece of memory.
inline constexpr std::size_t bytes_behind = 512;

template <class T, std::size_t Rank>
[[nodiscard]] held<node> recorded_sum(held<node> const& a, held<node> const& b);

[[nodiscard]] inline std::size_t count_of(std::span<std::size_t const> shape) noexcept {
    std::size_t count = 1;
    for (auto const size : shape)
        count *= size;
    return count;
}

/// A node with its value: a row-major tensor of `T`. As it stands it is a leaf or a constant; operations
/// derive from it.
template <class T, std::size_t Rank>
class value_node : public node {
public:
    using value_type = T;
    using shape_type = std::array<std::size_t, Rank>;
    static constexpr std::size_t rank = Rank;

    explicit value_node(shape_type const& sizes) noexcept : shape{sizes} {}

    [[nodiscard]] std::size_t size() const noexcept {
        std::size_t count = 1;
        for (std::size_t axis = 0; axis < Rank; ++axis)
            count *= shape[axis];
        return count;
    }

    /// How often the value was changed: a tensor that shows another's memory counts with that one.
    [[nodiscard]] std::uint32_t current_version() const noexcept {
        return owner == nullptr ? version : owner->version;
    }
    void count_change() noexcept { ++(owner == nullptr ? this : owner)->version; }

    void accumulate(held<node>& sum, held<node> more) override;
    [[nodiscard]] held<node> copied() const override;

    [[nodiscard]] bool has_shape_of(node const& other) const noexcept override {
        return shape == static_cast<value_node const&>(other).shape;
    }

    T* data = nullptr;
    node* owner = nullptr; ///< whose memory this is, where it is another's
    shape_type shape;

protected:
    ~value_node() override { release_value(); }
    void drop_value() noexcept override { release_value(); }

private:
    void release_value() noexcept {
        if (!has_own_memory)
            return;
        has_own_memory = false;
        if (owner != nullptr)
            std::exchange(owner, nullptr)->let_go();
        else
            spare_memory::give(data, size() * sizeof(T));
        data = nullptr;
    }
};

/// A node with room for a value that is to be written.
template <class Node, class... Arguments>
[[nodiscard]] held<Node> make_node(typename Node::shape_type const& shape, Arguments&&... arguments) {
    using T = typename Node::value_type;
    std::size_t const bytes = count_of(shape) * sizeof(T);
    bool const is_behind = bytes <= bytes_behind;
    static_assert(alignof(Node) >= alignof(T) && sizeof(Node) % alignof(T) == 0);
    auto made = held<Node>::adopt(new (room_behind{is_behind ? bytes : 0})
                                      Node{shape, std::forward<Arguments>(arguments)...});
    if (is_behind) {
        made->data = reinterpret_cast<T*>(reinterpret_cast<std::byte*>(made.get()) + sizeof(Node));
    } else {
        made->data = static_cast<T*>(spare_memory::take(bytes));
        made->has_own_memory = true;
    }
    return made;
}

/// A node that shows another's memory in a shape of its own.
template <class Node, class Other, class... Arguments>
[[nodiscard]] held<Node> make_node_over(Other& other, typename Node::shape_type const& shape,
                                        Arguments&&... arguments) {
    auto made = held<Node>::adopt(new (room_behind{0}) Node{shape, std::forward<Arguments>(arguments)...});
    made->data = other.data;
    made->owner = other.owner == nullptr ? &other : other.owner;
    made->owner->hold();
    made->has_own_memory = true;
    return made;
}

template <class T, std::size_t Rank>
void value_node<T, Rank>::accumulate(held<node>& sum, held<node> more) {
    if (!sum) {
        sum = std::move(more);
        return;
    }
    auto& to = static_cast<value_node&>(*sum);
    auto const& from = static_cast<value_node const&>(*more);
    if (to.requires_grad || from.requires_grad) {
        sum = recorded_sum<T, Rank>(sum, more);
        return;
    }
    std::size_t const count = size();
    if (to.is_alone() && to.owner == nullptr) {
        for (std::size_t i = 0; i < count; ++i)
            to.data[i] += from.data[i];
        return;
    }
    auto fresh = make_node<value_node>(shape);
    for (std::size_t i = 0; i < count; ++i)
        fresh->data[i] = to.data[i] + from.data[i];
    sum = held<node>::adopt(fresh.release());
}

template <class T, std::size_t Rank>
held<node> value_node<T, Rank>::copied() const {
    auto made = make_node<value_node>(shape);
    std::copy_n(data, size(), made->data);
    return held<node>::adopt(made.release());
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
