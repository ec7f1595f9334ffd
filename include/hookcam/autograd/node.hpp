#pragma once

#include "../core/error.hpp"
#include "../core/instruction_set.hpp"
#include "tensor_hooks.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <utility>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

class node;
class backward_pass;

/// Counts what is recorded, so that an operation has a higher number than all that it was made from. (Where a
/// graph goes from one thread to another, the other's count moves on.)
inline constinit thread_local std::uint64_t recorded_operations = 0;

/// The nodes whose last reference went while another was being deleted: they are deleted one after the other,
/// so that a long chain does not overflow the stack.
struct funeral {
    node* next = nullptr;
    bool is_on = false;
};
inline constinit thread_local funeral funeral_of_thread{};

/// From an operation to one of its inputs. It holds the input's value only where backward will read it.
struct edge {
    node* to = nullptr;          ///< null where the input needs no gradient and nobody reads it
    std::uint32_t version = 0;   ///< of the value when it was read
    std::uint32_t slot : 30 = 0; ///< in a pass, of a leaf
    bool differentiates : 1 = false;
    bool holds : 1 = false;
};

/// Memory behind a node, for a small value.
struct room_behind {
    std::size_t bytes;
};

/// A tensor of a computation, and the operation that made it: the part that knows neither scalar nor rank.
/// Two counts: who holds the value (variables, and operations whose backward reads it), and who mentions the
/// node (operations that only pass a gradient to it). A large value is gone with its last holder, the node
/// with its last mention; all holders together are one mention.
class node {
public:
    node(node const&) = delete;
    node& operator=(node const&) = delete;

    static void* operator new(std::size_t size, room_behind room) {
        return ::operator new(size + room.bytes);
    }
    static void operator delete(void* at, room_behind) { ::operator delete(at); }
    static void operator delete(void* at) { ::operator delete(at); }

    void hold() noexcept {
        if (m_holders.fetch_add(1, std::memory_order_relaxed) == 0)
            mention();
    }
    void let_go() noexcept {
        // Whoever is alone needs no atomic subtraction.
        if (m_holders.load(std::memory_order_acquire) == 1)
            m_holders.store(0, std::memory_order_relaxed);
        else if (m_holders.fetch_sub(1, std::memory_order_acq_rel) != 1)
            return;
        if (has_own_memory && !keeps_value)
            drop_value();
        forget();
    }
    void mention() noexcept { m_mentions.fetch_add(1, std::memory_order_relaxed); }
    void forget() noexcept {
        if (m_mentions.load(std::memory_order_acquire) == 1 ||
            m_mentions.fetch_sub(1, std::memory_order_acq_rel) == 1)
            bury();
    }
    /// True where nobody else holds the value, so that it may be written over.
    [[nodiscard]] bool is_alone() const noexcept {
        return m_holders.load(std::memory_order_acquire) == 1 &&
               m_mentions.load(std::memory_order_acquire) == 1;
    }

    /// The operation's name, for messages.
    [[nodiscard]] virtual char const* name() const noexcept { return "leaf"; }
    /// The operation's inputs.
    [[nodiscard]] virtual std::span<edge> edges() noexcept { return {}; }
    /// Hands the gradient on to the inputs.
    virtual void backward(backward_pass&, held<node>) {}
    /// Lets go of all that backward needed.
    virtual void let_go_of_inputs() noexcept {}
    /// sum += more, or sum = more where there is none yet.
    virtual void accumulate(held<node>& sum, held<node> more) = 0;
    /// The same values by themselves, without what made them.
    [[nodiscard]] virtual held<node> copied() const = 0;
    /// True where two nodes of this type have one shape.
    [[nodiscard]] virtual bool has_shape_of(node const& other) const noexcept = 0;

    [[nodiscard]] hook_block& hooks_to_fill() {
        if (m_hooks == nullptr)
            m_hooks = new hook_block;
        return *m_hooks;
    }
    [[nodiscard]] hook_block* hooks() const noexcept { return m_hooks; }

    /// Of a leaf, its gradient; of another node, what has come together in the pass that runs.
    held<node> own_gradient;
    std::uint64_t order = 0;     ///< higher than that of all inputs; zero of leaves
    std::uint32_t walked_by = 0; ///< the pass that walks over this node, if one does
    std::uint32_t version = 0;   ///< how often the value was changed in place
    bool requires_grad = false;
    bool is_leaf = true;
    bool has_own_memory = false; ///< beside the node
    bool keeps_value = false;    ///< backward reads it, or a hook will
    bool is_freed = false;       ///< backward has passed
    bool is_needed = false;      ///< a pass wants its gradient
    bool goes_on = false;        ///< a pass wants that of an input

protected:
    node() = default;
    virtual ~node() { delete m_hooks; }

    virtual void drop_value() noexcept = 0;

    /// What backward alone has kept is dropped.
    void keep_value_no_more() noexcept {
        if (std::exchange(keeps_value, false) && m_holders.load(std::memory_order_acquire) == 0)
            drop_value();
    }

private:
    std::atomic<std::uint32_t> m_holders{1};
    std::atomic<std::uint32_t> m_mentions{1};
    hook_block* m_hooks = nullptr;

    void bury() noexcept {
        auto& f = funeral_of_thread;
        order = reinterpret_cast<std::uintptr_t>(f.next); // which nobody asks for any more
        f.next = this;
        if (f.is_on)
            return;
        f.is_on = true;
        while (f.next != nullptr) {
            node* const dead = f.next;
            f.next = reinterpret_cast<node*>(static_cast<std::uintptr_t>(dead->order));
            delete dead;
        }
        f.is_on = false;
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
