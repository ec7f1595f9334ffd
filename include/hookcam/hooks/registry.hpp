#pragma once

#include "../tensor/device_tensor.hpp"
#include "../tensor/view.hpp"
#include "events.hpp"
#include "layer_view.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace hookcam {

namespace detail {

/// What a run-time hook's replacement is kept as, until it is copied.
template <class T, class Device>
struct tensor_on {
    using type = xt::xarray<T>;
};
template <class T, class Device>
    requires a_gpu<Device>
struct tensor_on<T, Device> {
    using type = device_tensor<T, dynamic, Device>;
};

/// What a run-time hook returns: nothing, or a replacement.
template <class T, class Device>
using replacement = std::optional<typename tensor_on<T, Device>::type>;

/// A run-time hook, erased.
template <class T, class Device, class... Arguments>
struct erased_call {
    erased_call() = default;
    erased_call(erased_call const&) = delete;
    erased_call& operator=(erased_call const&) = delete;
    virtual ~erased_call() = default;
    virtual replacement<T, Device> operator()(Arguments const&... arguments) = 0;
};

/// The call of an event's hooks: one for each kind of event, not for each layer.
template <class Event, class T, class Device>
struct erased_hook {
    using type = erased_call<T, Device, layer_view<T, Device>, any_seen<T, Device>>;
};
template <class T, class Device>
struct erased_hook<events::forward, T, Device> {
    using type = erased_call<T, Device, layer_view<T, Device>, any_seen<T, Device>, any_seen<T, Device>>;
};
template <class T, class Device>
struct erased_hook<events::backward, T, Device> : erased_hook<events::forward, T, Device> {};
template <class T, class Device>
struct erased_hook<events::parameter_gradient, T, Device> {
    using type = erased_call<T, Device, layer_view<T, Device>, std::string_view, any_seen<T, Device>>;
};

/// Copies share the hook, so that a table can be copied while another thread calls it.
template <class Event, class T, class Device>
using shared_hook = std::shared_ptr<typename erased_hook<Event, T, Device>::type>;

template <class Event, class T, class Device>
struct registered_hook {
    std::uint64_t id;
    shared_hook<Event, T, Device> call;
};

template <class Event, class T, class Device>
using hook_list = std::vector<registered_hook<Event, T, Device>>;

/// The run-time hooks of one layer, a list for each event.
template <class T, class Device>
using layer_hooks =
    std::tuple<hook_list<events::forward_pre, T, Device>, hook_list<events::forward, T, Device>,
               hook_list<events::backward_pre, T, Device>, hook_list<events::backward, T, Device>,
               hook_list<events::parameter_gradient, T, Device>>;

/// What a handle needs of a registry.
class removable_hooks {
public:
    virtual ~removable_hooks() = default;
    virtual void remove(std::uint64_t id) = 0;
};

/// All run-time hooks of an opened model. A walk takes a snapshot when it begins, and a change makes a new
/// table: so a hook may remove itself or add others, and other threads may walk meanwhile.
template <class T, class Device>
class hook_registry final : public removable_hooks {
public:
    using table = std::vector<layer_hooks<T, Device>>;

    explicit hook_registry(std::size_t layers) : m_table{std::make_shared<table>(layers)} {}

    template <class Event>
    std::uint64_t add(std::size_t layer, shared_hook<Event, T, Device> call, bool prepend) {
        std::lock_guard const lock{m_mutex};
        auto changed = std::make_shared<table>(*m_table);
        auto& hooks = std::get<hook_list<Event, T, Device>>((*changed)[layer]);
        auto const id = ++m_last_id;
        hooks.insert(prepend ? hooks.begin() : hooks.end(), {id, std::move(call)});
        m_table = std::move(changed);
        return id;
    }

    void remove(std::uint64_t id) override {
        // Outlives the lock: what a hook holds may remove another hook when it dies.
        std::shared_ptr<table const> before;
        std::lock_guard const lock{m_mutex};
        auto changed = std::make_shared<table>(*m_table);
        for (auto& layer : *changed)
            std::apply(
                [id](auto&... lists) {
                    (std::erase_if(lists, [id](auto const& hook) { return hook.id == id; }), ...);
                },
                layer);
        before = std::exchange(m_table, std::move(changed));
    }

    [[nodiscard]] std::shared_ptr<table const> snapshot() const {
        std::lock_guard const lock{m_mutex};
        return m_table;
    }

private:
    mutable std::mutex m_mutex;
    std::shared_ptr<table const> m_table;
    std::uint64_t m_last_id = 0;
};

} // namespace detail

/// Takes a run-time hook off again. Movable; it may outlive what it was registered at, and letting it go
/// leaves the hook in place (`scoped_hook` takes it off).
class hook_handle {
public:
    /// Holds no hook.
    hook_handle() = default;
    /// Made by `register_forward_hook` and its like.
    hook_handle(std::weak_ptr<detail::removable_hooks> hooks, std::uint64_t id)
        : m_hooks{std::move(hooks)},
          m_id{id} {}
    hook_handle(hook_handle&&) noexcept = default;
    hook_handle& operator=(hook_handle&&) noexcept = default;
    hook_handle(hook_handle const&) = delete;
    hook_handle& operator=(hook_handle const&) = delete;
    ~hook_handle() = default;

    /// Takes the hook off from the next walk on. A second call does nothing.
    void remove() {
        if (auto const hooks = m_hooks.lock())
            hooks->remove(m_id);
        m_hooks.reset();
    }

private:
    std::weak_ptr<detail::removable_hooks> m_hooks;
    std::uint64_t m_id = 0;
};

/// A handle that takes its hook off when its scope ends.
class scoped_hook {
public:
    /// Takes over the hook of a handle: `scoped_hook guard{open.at("conv1").register_forward_hook(f)};`
    scoped_hook(hook_handle&& handle) noexcept : m_handle{std::move(handle)} {}
    scoped_hook(scoped_hook&&) noexcept = default;
    /// Takes its own hook off and takes over the other's.
    scoped_hook& operator=(scoped_hook&& other) noexcept {
        if (this != &other) {
            m_handle.remove();
            m_handle = std::move(other.m_handle);
        }
        return *this;
    }
    scoped_hook(scoped_hook const&) = delete;
    scoped_hook& operator=(scoped_hook const&) = delete;
    ~scoped_hook() { m_handle.remove(); }

    /// Takes the hook off before the scope ends; a second call does nothing.
    void remove() { m_handle.remove(); }

private:
    hook_handle m_handle;
};

} // namespace hookcam
