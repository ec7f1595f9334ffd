#pragma once

#include "variable.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace hookcam {

/// When a hook on several tensors is called in a pass.
enum class multi_grad_mode {
    all, ///< once, when all gradients are there that the pass computes
    any, ///< once, with the first of them
};

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// A hook on several tensors. It belongs to the hooks that wait at each of them; it knows the tensors by their
/// addresses alone, so that none keeps another alive.
class multi_hook : public removable_hooks {
public:
    /// What waits at one tensor. It says when that is gone.
    struct waiting {
        std::shared_ptr<multi_hook> of;
        std::size_t index;

        waiting(std::shared_ptr<multi_hook> hook, std::size_t place) : of{std::move(hook)}, index{place} {}
        waiting(waiting const&) = delete;
        waiting& operator=(waiting const&) = delete;
        ~waiting() { of->m_places[index].tensor = nullptr; }
    };
    struct place {
        node const* tensor = nullptr;
        hook_handle handle{};
    };

    explicit multi_hook(std::size_t count, multi_grad_mode mode) : m_places(count), m_mode{mode} {}

    [[nodiscard]] place& at(std::size_t index) { return m_places[index]; }

    void remove(std::uint64_t) override {
        for (auto& one : m_places)
            one.handle.remove();
    }

    void see(std::size_t index, held<node> const& gradient) {
        auto const* const pass = backward_pass::current();
        if (pass == nullptr)
            return;
        if (pass->id() != m_pass) {
            m_pass = pass->id();
            m_seen.assign(m_places.size(), {});
            m_missing = 0;
            for (auto const& one : m_places)
                m_missing += pass->reaches(one.tensor);
            m_is_done = false;
        }
        if (m_is_done)
            return;
        m_seen[index] = gradient;
        m_missing -= m_missing > 0;
        if (m_mode == multi_grad_mode::any || m_missing == 0) {
            m_is_done = true;
            auto const seen = std::exchange(m_seen, {});
            call(seen, index);
        }
    }

protected:
    virtual void call(std::vector<held<node>> const& gradients, std::size_t first) = 0;

private:
    std::vector<place> m_places;
    std::vector<held<node>> m_seen;
    multi_grad_mode m_mode;
    std::uint32_t m_pass = 0; ///< that it counts for
    std::size_t m_missing = 0;
    bool m_is_done = false;
};

template <class Variable>
[[nodiscard]] auto gradient_view(held<node> const& of) {
    using view = tensor_view<typename Variable::value_type const, Variable::rank>;
    using typed = value_node<typename Variable::value_type, Variable::rank>;
    return of ? std::optional<view>{view_of_node(static_cast<typed const&>(*of))} : std::optional<view>{};
}

template <class Hook, class... Variables>
class multi_hook_all final : public multi_hook {
public:
    explicit multi_hook_all(Hook hook)
        : multi_hook{sizeof...(Variables), multi_grad_mode::all},
          m_hook{std::move(hook)} {}

protected:
    void call(std::vector<held<node>> const& gradients, std::size_t) override {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            m_hook(gradient_view<Variables>(gradients[I])...);
        }
        (std::index_sequence_for<Variables...>{});
    }

private:
    Hook m_hook;
};

template <class Hook, class... Variables>
class multi_hook_any final : public multi_hook {
public:
    explicit multi_hook_any(Hook hook)
        : multi_hook{sizeof...(Variables), multi_grad_mode::any},
          m_hook{std::move(hook)} {}

protected:
    void call(std::vector<held<node>> const& gradients, std::size_t first) override {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            ((I == first ? m_hook(*gradient_view<Variables>(gradients[I])) : void()), ...);
        }
        (std::index_sequence_for<Variables...>{});
    }

private:
    Hook m_hook;
};

template <class Made, class... Variables>
[[nodiscard]] hook_handle wait_at(std::shared_ptr<Made> const& hook,
                                  std::tuple<Variables&...> const& tensors) {
    std::size_t index = 0;
    auto const wait = [&](auto& tensor) {
        auto waiting = std::make_shared<multi_hook::waiting>(hook, index);
        hook->at(index).handle =
            variable_access::register_erased(tensor, [waiting = std::move(waiting)](held<node>& gradient) {
                waiting->of->see(waiting->index, gradient);
            });
        hook->at(index).tensor = &node_of(tensor);
        ++index;
    };
    std::apply([&](auto&... tensor) { (wait(tensor), ...); }, tensors);
    return {hook, 0};
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

inline namespace HOOKCAM_INSTRUCTION_SET {

/// Calls a hook once in each pass that reaches one of several tensors, when all gradients are there that the pass
/// computes: `register_multi_grad_hook(std::tie(x, y), [](auto const& gx, auto const& gy) { … })`. Each is a
/// `std::optional` of a view, empty where the pass does not reach the tensor. The hook only looks.
template <class... Variables, class Hook>
hook_handle register_multi_grad_hook(std::tuple<Variables&...> const& tensors, Hook hook) {
    return detail::wait_at(
        std::make_shared<detail::multi_hook_all<Hook, std::remove_const_t<Variables>...>>(std::move(hook)),
        tensors);
}
/// The same with the first gradient that comes, a view, for `multi_grad_mode::any`.
template <multi_grad_mode Mode, class... Variables, class Hook>
hook_handle register_multi_grad_hook(std::tuple<Variables&...> const& tensors, Hook hook) {
    if constexpr (Mode == multi_grad_mode::all)
        return register_multi_grad_hook(tensors, std::move(hook));
    else
        return detail::wait_at(
            std::make_shared<detail::multi_hook_any<Hook, std::remove_const_t<Variables>...>>(
                std::move(hook)),
            tensors);
}

} // namespace HOOKCAM_INSTRUCTION_SET

} // namespace hookcam
