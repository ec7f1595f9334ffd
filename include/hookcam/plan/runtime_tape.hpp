#pragma once

#include "../core/instruction_set.hpp"
#include "../hooks/registry.hpp"
#include "../tensor/device.hpp"
#include "../tensor/memory.hpp"
#include "tape.hpp"

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// The tape of a plan with run-time hooks. Which hooks there are is known when a walk begins: a backward walk
/// then finds out first how far it must go. Its own steps know that their tape is one of these.
template <class T, class Device = cpu>
struct runtime_tape : tape<T> {
    using looks_function = bool (*)(runtime_tape const&, step<T> const&);

    using hook_table = typename hook_registry<T, Device>::table;

    std::shared_ptr<hook_table const> hooks; ///< as they were when this walk began
    std::vector<int> node_values;            ///< the cell of each node's output
    std::vector<int> node_gradients;         ///< and of its gradient
    std::vector<memory<T>> replacements;     ///< what hooks put in the place of values, then of gradients
    std::vector<looks_function> looks; ///< of backward steps: is a hook registered? null, or not there: never
    std::vector<bool> pinned;          ///< the gradients that every pass needs; not there: not pinned
    std::vector<bool> needed;          ///< the gradients that this pass needs
    int chosen = -1;                   ///< the node of the path that the request chose

    /// Each pass runs other backward steps, and hooks stand between them.
    runtime_tape() { this->goes_back_whole = true; }

    /// Takes the hooks for one walk. What is returned lets them go when the walk ends, by an exception too.
    [[nodiscard]] auto walk_with(std::shared_ptr<hook_table const> registered) {
        struct let_go {
            void operator()(runtime_tape* of) const noexcept { of->hooks.reset(); }
        };
        hooks = std::move(registered);
        return std::unique_ptr<runtime_tape, let_go>{this};
    }

    void pin(int gradient) {
        auto const index = static_cast<std::size_t>(gradient);
        if (index >= pinned.size())
            pinned.resize(index + 1);
        pinned[index] = true;
    }

    [[nodiscard]] bool needs(int gradient) const {
        return gradient >= 0 && needed[static_cast<std::size_t>(gradient)];
    }

    /// Finds out which gradients this pass needs: those that are pinned, those at the chosen node, those that
    /// a hook looks at, and whatever these are computed from.
    void find_needed() {
        needed = pinned;
        needed.resize(this->gradients.size());
        if (chosen >= 0)
            need(node_gradients[static_cast<std::size_t>(chosen)]);
        for (std::size_t i = 0; i < this->backward.size(); ++i) {
            auto const& s = this->backward[i];
            if (has_hook(i)) {
                need(s.grad_output);
                need(s.second_grad_output);
            }
            if (needs(s.grad_input) || needs(s.second_grad_input)) {
                need(s.grad_output);
                if (!may_have_hook(i))
                    need(s.second_grad_output);
            }
        }
    }

    /// Runs what writes a gradient that this pass needs, what has a hook, and what writes none: gradients of
    /// parameters, and hooks that are known by type.
    void run_needed_backward() {
        for (std::size_t i = this->backward.size(); i-- > 0;) {
            auto const& s = this->backward[i];
            bool const writes_none = s.grad_input < 0 && s.second_grad_input < 0;
            if (writes_none || has_hook(i) || needs(s.grad_input) || needs(s.second_grad_input))
                s.run(*this, s);
        }
    }

    [[nodiscard]] std::size_t bytes() const {
        std::size_t total = tape<T>::bytes();
        for (auto const& r : replacements)
            total += r.size() * sizeof(T);
        return total;
    }

private:
    void need(int gradient) {
        if (gradient >= 0)
            needed[static_cast<std::size_t>(gradient)] = true;
    }
    [[nodiscard]] bool may_have_hook(std::size_t i) const { return i < looks.size() && looks[i] != nullptr; }
    [[nodiscard]] bool has_hook(std::size_t i) const {
        return may_have_hook(i) && looks[i](*this, this->backward[i]);
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
