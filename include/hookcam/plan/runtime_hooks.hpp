#pragma once

#include "../core/error.hpp"
#include "../hooks/call.hpp"
#include "../hooks/registry.hpp"
#include "attach.hpp"
#include "plan.hpp"
#include "runtime_tape.hpp"
#include "source.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace hookcam {

namespace detail {

/// A run-time hook as its user wrote it.
template <class T, class Device, class Hook, class... Arguments>
struct held_hook final : erased_call<T, Device, Arguments...> {
    explicit held_hook(Hook&& from) : hook{std::move(from)} {}

    replacement<T, Device> operator()(Arguments const&... arguments) override {
        if constexpr (std::is_void_v<std::invoke_result_t<Hook&, Arguments const&...>>) {
            hook(arguments...);
            return std::nullopt;
        } else {
            if constexpr (a_gpu<Device>) {
                auto const& seen = std::get<sizeof...(Arguments) - 1>(std::tie(arguments...));
                return replacement<T, Device>{std::in_place, seen.device(), hook(arguments...)};
            } else {
                return replacement<T, Device>{std::in_place, hook(arguments...)};
            }
        }
    }

    Hook hook;
};

/// Erases a run-time hook: once for its type, not for each layer.
template <class Event, class T, class Device, class Hook, class... Arguments>
[[nodiscard]] shared_hook<Event, T, Device> erase_hook(Hook&& hook, erased_call<T, Device, Arguments...>*) {
    static_assert(!is_transform<Hook>,
                  "hookcam::with_runtime_hooks: a hook that brings its own backward must be attached at "
                  "compile time; use attach<\"path\">(model, on_forward(transform(…)))");
    if constexpr (hook_must_be_callable<Event, Hook, Arguments const&...>::value) {
        using result = std::invoke_result_t<Hook&, Arguments const&...>;
        static_assert(hook_result_must_fit<Hook, result, can_replace<result, T, dynamic>()>::value);
        // As a pointer to what all hooks of the event are, so that no shared pointer is compiled for this one.
        erased_call<T, Device, Arguments...>* const held =
            new held_hook<T, Device, Hook, Arguments...>{std::move(hook)};
        return shared_hook<Event, T, Device>{held};
    } else {
        return {};
    }
}

} // namespace detail

/// The layer of an opened model at which run-time hooks are registered.
template <class T, class Device = cpu>
class hookable_layer {
public:
    /// Made by `opened::at`.
    hookable_layer(std::shared_ptr<detail::hook_registry<T, Device>> hooks, std::size_t layer)
        : m_hooks{std::move(hooks)},
          m_layer{layer} {}

    /// Called with (layer, input) before the layer runs; what it returns replaces the input.
    template <class Hook>
    hook_handle register_forward_pre_hook(Hook hook, bool prepend = false) const {
        return add<events::forward_pre>(std::move(hook), prepend);
    }
    /// Called with (layer, input, output) after the layer ran; what it returns replaces the output.
    template <class Hook>
    hook_handle register_forward_hook(Hook hook, bool prepend = false) const {
        return add<events::forward>(std::move(hook), prepend);
    }
    /// Called with (layer, grad_output) before the layer's backward; what it returns replaces grad_output.
    template <class Hook>
    hook_handle register_backward_pre_hook(Hook hook, bool prepend = false) const {
        return add<events::backward_pre>(std::move(hook), prepend);
    }
    /// Called with (layer, grad_input, grad_output) after the layer's backward; what it returns replaces
    /// grad_input. Where the network's input has no gradient, grad_input is empty.
    template <class Hook>
    hook_handle register_backward_hook(Hook hook, bool prepend = false) const {
        return add<events::backward>(std::move(hook), prepend);
    }
    /// Called with (layer, name, gradient) when the gradient of a parameter is complete; what it returns
    /// replaces it.
    template <class Hook>
    hook_handle register_parameter_gradient_hook(Hook hook, bool prepend = false) const {
        return add<events::parameter_gradient>(std::move(hook), prepend);
    }

private:
    std::shared_ptr<detail::hook_registry<T, Device>> m_hooks;
    std::size_t m_layer;

    template <class Event, class Hook>
    hook_handle add(Hook&& hook, bool prepend) const {
        using call = typename detail::erased_hook<Event, T, Device>::type;
        auto const id = m_hooks->template add<Event>(
            m_layer, detail::erase_hook<Event, T, Device, Hook>(std::move(hook), static_cast<call*>(nullptr)),
            prepend);
        return hook_handle{m_hooks, id};
    }
};

/// A model at whose layers hooks can be registered and removed while the program runs. It borrows the model
/// (or what `attach` made of it) and is used in its place. The hooks belong to it, and every plan that was
/// made of it calls them.
template <class Source>
class opened {
public:
    using network_type = typename Source::network_type;
    using value_type = typename Source::value_type;
    using device_type = typename Source::device_type;
    using items = typename Source::items;
    using slots_type = typename Source::slots_type;
    using tape_type = detail::runtime_tape<value_type, device_type>;
    /// Of its hooks.
    using registry_type = detail::hook_registry<value_type, device_type>;
    static constexpr bool run_time_hooks = true;

    /// Made by `with_runtime_hooks`.
    explicit opened(Source from)
        : m_source{std::move(from)},
          m_hooks{std::make_shared<registry_type>(detail::table_of<network_type>().paths.size() + 1)} {}

    /// The layer or composite at a path, `""` being the whole network. An unknown path throws and lists what
    /// there is.
    [[nodiscard]] hookable_layer<value_type, device_type> at(std::string_view path) const {
        auto const& all = detail::table_of<network_type>().paths;
        if (path.empty())
            return {m_hooks, 0};
        auto const found = std::find(all.begin(), all.end(), path);
        if (found == all.end())
            throw error{error_kind::use, detail::unknown_path("hookcam::with_runtime_hooks", path, all)};
        return {m_hooks, static_cast<std::size_t>(found - all.begin()) + 1};
    }

    /// Runs the network once, hooks included, as `model(input)` does.
    template <class Input>
    [[nodiscard]] auto operator()(Input const& input) const {
        return detail::run_once(*this, input);
    }

    [[nodiscard]] network_type const& network() const noexcept { return m_source.network(); }
    [[nodiscard]] auto* parameters() const noexcept { return m_source.parameters(); }
    [[nodiscard]] std::size_t changes() const noexcept { return m_source.changes(); }
    void count_change() const noexcept { m_source.count_change(); }
    [[nodiscard]] slots_type const& slots() const noexcept { return m_source.slots(); }
    [[nodiscard]] registry_type const& registry() const noexcept { return *m_hooks; }
    [[nodiscard]] std::shared_ptr<registry_type> const& shared_registry() const noexcept { return m_hooks; }
    [[nodiscard]] Source const& source() const noexcept { return m_source; }

private:
    Source m_source;
    std::shared_ptr<registry_type> m_hooks;
};

namespace detail {

/// What a plan keeps of an opened model: the hooks live as long as one of them does.
template <class Source>
class opened_reference {
public:
    using network_type = typename Source::network_type;
    using value_type = typename Source::value_type;
    using device_type = typename Source::device_type;
    using items = typename Source::items;
    using slots_type = typename Source::slots_type;
    using tape_type = runtime_tape<value_type, device_type>;
    using registry_type = hook_registry<value_type, device_type>;
    static constexpr bool run_time_hooks = true;

    explicit opened_reference(opened<Source> const& to) : m_to{&to.source()}, m_hooks{to.shared_registry()} {}

    [[nodiscard]] network_type const& network() const noexcept { return m_to->network(); }
    [[nodiscard]] auto* parameters() const noexcept { return m_to->parameters(); }
    [[nodiscard]] std::size_t changes() const noexcept { return m_to->changes(); }
    void count_change() const noexcept { m_to->count_change(); }
    [[nodiscard]] slots_type const& slots() const noexcept { return m_to->slots(); }
    [[nodiscard]] registry_type const& registry() const noexcept { return *m_hooks; }

private:
    Source const* m_to;
    std::shared_ptr<registry_type const> m_hooks;
};

template <class Source>
struct source_of<opened<Source>> {
    using type = opened_reference<Source>;
    static constexpr bool can_be_moved_in = false;
    template <bool IsNamed>
    using kept = opened<Source>;

    [[nodiscard]] static type borrow(opened<Source> const& of) { return type{of}; }
};

/// What `attach` borrows of an opened model.
template <class Source>
[[nodiscard]] opened_reference<Source> source_as_is(opened<Source> const& of) {
    return opened_reference<Source>{of};
}

} // namespace detail

/// Opens a model for hooks at run time: `auto open = with_runtime_hooks(model); open.at("conv1")…`. It
/// borrows the model, which must outlive it, and copies no parameter.
template <class Model>
    requires detail::can_be_attached_to<Model>
[[nodiscard]] auto with_runtime_hooks(Model&& of) {
    auto source = detail::take_to_attach(std::forward<Model>(of));
    static_assert(!decltype(source)::run_time_hooks,
                  "hookcam::with_runtime_hooks: what is opened must not be open already; register hooks at "
                  "what it was opened as");
    return opened<decltype(source)>{std::move(source)};
}

} // namespace hookcam
