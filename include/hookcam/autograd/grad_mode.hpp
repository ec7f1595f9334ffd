#pragma once

#include <utility>

namespace hookcam {

namespace detail {

inline constinit thread_local bool grad_is_enabled = true;

/// Sets the mode of this thread for a scope.
class grad_mode {
public:
    explicit grad_mode(bool enabled) noexcept : m_before{std::exchange(grad_is_enabled, enabled)} {}
    grad_mode(grad_mode const&) = delete;
    grad_mode& operator=(grad_mode const&) = delete;
    ~grad_mode() { grad_is_enabled = m_before; }

private:
    bool m_before;
};

} // namespace detail

/// While it lives, operations of this thread record nothing: `hc::no_grad const guard;`. Their results are
/// constants, which no gradient reaches.
class no_grad : detail::grad_mode {
public:
    /// Until the scope ends.
    no_grad() noexcept : grad_mode{false} {}
};

/// While it lives, operations of this thread are recorded, within a `no_grad` too.
class enable_grad : detail::grad_mode {
public:
    /// Until the scope ends.
    enable_grad() noexcept : grad_mode{true} {}
};

/// True where operations of this thread are recorded: always, but for a `no_grad`.
[[nodiscard]] inline bool is_grad_enabled() noexcept {
    return detail::grad_is_enabled;
}

} // namespace hookcam
