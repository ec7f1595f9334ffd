#pragma once

#include "../core/instruction_set.hpp"
#include "../hooks/registry.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

class node;

/// A reference that keeps a node's value: what a variable holds, and what a gradient is while it travels.
template <class Node>
class held {
public:
    held() = default;
    explicit held(Node* of) noexcept : m_node{of} {
        if (m_node != nullptr)
            m_node->hold();
    }
    held(held const& other) noexcept : held{other.m_node} {}
    held(held&& other) noexcept : m_node{std::exchange(other.m_node, nullptr)} {}
    held& operator=(held other) noexcept {
        std::swap(m_node, other.m_node);
        return *this;
    }
    ~held() {
        if (m_node != nullptr)
            m_node->let_go();
    }

    /// Takes over a count that is already there.
    [[nodiscard]] static held adopt(Node* of) noexcept {
        held made;
        made.m_node = of;
        return made;
    }
    /// Hands the count over.
    [[nodiscard]] Node* release() noexcept { return std::exchange(m_node, nullptr); }

    [[nodiscard]] Node* get() const noexcept { return m_node; }
    [[nodiscard]] Node& operator*() const noexcept { return *m_node; }
    [[nodiscard]] Node* operator->() const noexcept { return m_node; }
    explicit operator bool() const noexcept { return m_node != nullptr; }

private:
    Node* m_node = nullptr;
};

/// A hook of any type of tensor: may put another node in the place of the one that it is given.
using erased_tensor_hook = std::function<void(held<node>&)>;

/// The hooks of one tensor. Whoever runs them takes them as they are then, so that a hook may remove itself
/// or others; a change takes effect the next time.
class tensor_hook_list final : public removable_hooks {
public:
    struct entry {
        std::uint64_t id;
        erased_tensor_hook call;
    };
    using table = std::vector<entry>;

    [[nodiscard]] std::uint64_t add(erased_tensor_hook call) {
        std::lock_guard const lock{m_mutex};
        auto changed = m_table ? std::make_shared<table>(*m_table) : std::make_shared<table>();
        changed->push_back({++m_last_id, std::move(call)});
        m_table = std::move(changed);
        return m_last_id;
    }

    void remove(std::uint64_t id) override {
        // Outlives the lock: what a hook holds may remove another hook when it dies.
        std::shared_ptr<table const> before;
        std::lock_guard const lock{m_mutex};
        if (!m_table)
            return;
        auto changed = std::make_shared<table>(*m_table);
        std::erase_if(*changed, [id](entry const& hook) { return hook.id == id; });
        before = std::exchange(m_table, std::move(changed));
    }

    void run(held<node>& on) const {
        if (auto const hooks = snapshot())
            for (auto const& hook : *hooks)
                hook.call(on);
    }

private:
    mutable std::mutex m_mutex;
    std::shared_ptr<table const> m_table;
    std::uint64_t m_last_id = 0;

    [[nodiscard]] std::shared_ptr<table const> snapshot() const {
        std::lock_guard const lock{m_mutex};
        return m_table;
    }
};

/// What a tensor has once somebody hooks it or asks to keep its gradient. All others have a null pointer.
struct hook_block {
    std::shared_ptr<tensor_hook_list> const on_gradient = std::make_shared<tensor_hook_list>();
    std::shared_ptr<tensor_hook_list> const after_accumulation = std::make_shared<tensor_hook_list>();
    bool retains = false;
    held<node> retained{}; ///< the gradient of a tensor that is no leaf
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
