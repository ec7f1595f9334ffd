#pragma once

#include "../core/error.hpp"
#include "../core/instruction_set.hpp"
#include "grad_mode.hpp"
#include "node.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// What a pass is to do.
struct pass_settings {
    bool retains_graph = false; ///< the graph can be walked again
    bool creates_graph = false; ///< gradients are recorded, so that they have gradients
    bool accumulates = true;    ///< leaves take what reaches them; otherwise only targets do
};

/// One walk from results back to what they were made from. Nodes are visited in the reverse order of their
/// making, so each one's gradient is complete when its turn comes. What a pass notes lies in the nodes, which
/// belong to one thread's graph; leaves, which several graphs may share, are noted in the pass itself.
class backward_pass {
public:
    explicit backward_pass(pass_settings settings) noexcept
        : m_settings{settings},
          m_id{next_id()},
          m_outer{std::exchange(current_pass, this)} {}
    backward_pass(backward_pass const&) = delete;
    backward_pass& operator=(backward_pass const&) = delete;
    ~backward_pass() {
        current_pass = m_outer;
        // Only what an exception left.
        for (auto i = m_next; i < m_nodes.size(); ++i)
            leave(*m_nodes[i]);
        for (auto& slot : m_leaves)
            slot.leaf->forget();
    }

    /// A result, with the gradient to begin with.
    void add_root(node& root, held<node> gradient) { m_roots.push_back({&root, std::move(gradient)}); }
    /// A tensor whose gradient is wanted.
    void add_target(node& target) { m_targets.push_back({&target, {}}); }

    void run() {
        collect();
        find_needed();
        grad_mode const mode{m_settings.creates_graph};
        for (auto& [root, gradient] : m_roots)
            give(*root, std::move(gradient));
        while (m_next < m_nodes.size()) {
            node& at = *m_nodes[m_next];
            visit(at);
            ++m_next;
            leave(at);
        }
    }

    /// The gradient of a target; none where the results do not depend on it.
    [[nodiscard]] held<node> take_target(std::size_t index) { return std::move(m_targets[index].gradient); }

    // What operations ask.

    /// True where a gradient for this input is wanted.
    [[nodiscard]] bool needs(edge const& to) const noexcept {
        if (!to.differentiates)
            return false;
        return to.to->is_leaf ? m_leaves[to.slot].is_needed : to.to->is_needed;
    }
    /// Gives an input its gradient, or nothing.
    void deliver(edge const& to, held<node> gradient) {
        node& at = *to.to;
        if (!at.is_leaf) {
            if (gradient)
                at.accumulate(at.own_gradient, std::move(gradient));
            return;
        }
        auto& slot = m_leaves[to.slot];
        if (gradient)
            at.accumulate(slot.gradient, std::move(gradient));
        if (--slot.pending == 0)
            complete(slot);
    }

    // What hooks on several tensors ask.

    [[nodiscard]] static backward_pass* current() noexcept { return current_pass; }
    [[nodiscard]] std::uint32_t id() const noexcept { return m_id; }
    /// True where a gradient comes to a tensor in this pass. It is asked for by its address alone.
    [[nodiscard]] bool reaches(node const* of) const noexcept {
        if (of == nullptr)
            return false;
        for (auto const& slot : m_leaves)
            if (slot.leaf == of)
                return slot.is_needed;
        for (std::size_t i = 0; i < m_nodes.size(); ++i)
            if (m_nodes[i] == of)
                return of->is_needed;
        return false;
    }

private:
    struct place {
        node* at;
        held<node> gradient;
    };
    struct leaf_slot {
        node* leaf;
        std::uint32_t pending = 0; ///< operations that have not yet given it their part
        bool is_needed = false;
        held<node> gradient{};
    };
    static constexpr std::size_t few = 16; ///< that are searched one by one

    static inline constinit thread_local backward_pass* current_pass = nullptr;

    pass_settings m_settings;
    std::uint32_t m_id;
    backward_pass* m_outer;
    std::vector<place> m_roots;
    std::vector<place> m_targets;
    std::vector<node*> m_nodes; ///< all but leaves, in the order of the walk
    std::size_t m_next = 0;     ///< the first of them that is not done
    std::vector<leaf_slot> m_leaves;
    std::unordered_map<node const*, std::uint32_t> m_slot_of; ///< where there are many

    [[nodiscard]] static std::uint32_t next_id() noexcept {
        static std::atomic<std::uint32_t> last{0};
        std::uint32_t id;
        do
            id = last.fetch_add(1, std::memory_order_relaxed) + 1;
        while (id == 0);
        return id;
    }

    [[nodiscard]] bool is_target(node const* of) const noexcept {
        return std::any_of(m_targets.begin(), m_targets.end(),
                           [of](place const& target) { return target.at == of; });
    }

    [[nodiscard]] std::uint32_t slot_of(node& leaf) {
        auto const count = m_leaves.size();
        if (count <= few) {
            for (std::uint32_t i = 0; i < count; ++i)
                if (m_leaves[i].leaf == &leaf)
                    return i;
        } else {
            if (m_slot_of.empty())
                for (std::uint32_t i = 0; i < count; ++i)
                    m_slot_of.emplace(m_leaves[i].leaf, i);
            if (auto const found = m_slot_of.find(&leaf); found != m_slot_of.end())
                return found->second;
            m_slot_of.emplace(&leaf, static_cast<std::uint32_t>(count));
        }
        leaf.mention();
        m_leaves.push_back({&leaf});
        m_leaves.back().is_needed = m_settings.accumulates || is_target(&leaf);
        return static_cast<std::uint32_t>(count);
    }

    void add(node& at) {
        if (at.walked_by == m_id)
            return;
        if (at.walked_by != 0)
            throw error{error_kind::use,
                        std::string{"hookcam::backward: a graph must be walked by one pass at "
                                    "a time; do not differentiate through "} +
                            at.name() + " in a hook of a pass over it"};
        if (at.is_freed)
            throw error{error_kind::use,
                        std::string{"hookcam::backward: the graph must still be there, but an earlier pass "
                                    "freed "} +
                            at.name() + "; call that one with {.retain_graph = true}"};
        m_nodes.push_back(&at);
        at.walked_by = m_id;
        at.mention();
    }

    /// Finds all that the results were made from.
    void collect() {
        for (auto& root : m_roots) {
            if (root.at->is_leaf)
                ++m_leaves[slot_of(*root.at)].pending;
            else
                add(*root.at);
        }
        for (std::size_t i = 0; i < m_nodes.size(); ++i)
            for (auto& to : m_nodes[i]->edges()) {
                if (!to.differentiates)
                    continue;
                if (to.to->is_leaf)
                    to.slot = slot_of(*to.to) & 0x3fffffffU;
                else
                    add(*to.to);
            }
        auto const later = [](node const* a, node const* b) { return a->order > b->order; };
        if (!std::is_sorted(m_nodes.begin(), m_nodes.end(), later))
            std::sort(m_nodes.begin(), m_nodes.end(), later);
    }

    /// Finds those that lead to something wanted, and counts what each leaf is to wait for.
    void find_needed() {
        for (auto i = m_nodes.size(); i-- > 0;) {
            node& at = *m_nodes[i];
            at.goes_on = m_settings.accumulates;
            if (!at.goes_on)
                for (auto const& to : at.edges())
                    at.goes_on = at.goes_on || needs(to);
            at.is_needed = at.goes_on || is_target(&at);
            if (at.goes_on)
                for (auto const& to : at.edges())
                    if (to.differentiates && to.to->is_leaf && m_leaves[to.slot].is_needed)
                        ++m_leaves[to.slot].pending;
        }
    }

    void give(node& at, held<node> gradient) {
        if (!at.is_leaf) {
            at.accumulate(at.own_gradient, std::move(gradient));
            return;
        }
        auto& slot = m_leaves[slot_of(at)];
        at.accumulate(slot.gradient, std::move(gradient));
        if (--slot.pending == 0)
            complete(slot);
    }

    /// Lets the hooks see a gradient, and hands it to whoever asked for it.
    void announce(node& at, held<node>& gradient) {
        if (auto* const hooks = at.hooks()) {
            hooks->on_gradient->run(gradient);
            if (hooks->retains) // without its graph, which may lead back here
                at.accumulate(hooks->retained, gradient->requires_grad ? gradient->copied() : gradient);
        }
        for (auto& target : m_targets)
            if (target.at == &at)
                target.gradient = gradient;
    }

    void visit(node& at) {
        auto gradient = std::move(at.own_gradient);
        if (gradient)
            announce(at, gradient);
        if (!at.goes_on)
            return;
        if (gradient) {
            at.backward(*this, std::move(gradient));
        } else {
            // Nothing came: leaves behind it need not wait.
            for (auto const& to : at.edges())
                if (needs(to))
                    deliver(to, {});
        }
        if (!m_settings.retains_graph) {
            at.is_freed = true;
            at.let_go_of_inputs();
        }
    }

    /// A leaf has all of its gradient.
    void complete(leaf_slot& slot) {
        if (!slot.gradient)
            return;
        auto gradient = std::move(slot.gradient);
        node& leaf = *slot.leaf;
        announce(leaf, gradient);
        if (!m_settings.accumulates)
            return;
        leaf.accumulate(leaf.own_gradient, std::move(gradient));
        if (auto* const hooks = leaf.hooks()) {
            no_grad const guard;
            held<node> parameter{&leaf};
            hooks->after_accumulation->run(parameter);
        }
    }

    void leave(node& at) noexcept {
        at.walked_by = 0;
        at.own_gradient = {};
        at.forget();
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
