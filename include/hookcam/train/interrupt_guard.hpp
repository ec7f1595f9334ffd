#pragma once

#include <atomic>
#include <csignal>

namespace hookcam {

namespace detail {

inline std::atomic<bool> is_interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal's handler may not wait");

extern "C" inline void hookcam_note_interrupt(int) {
    is_interrupted = true;
}

} // namespace detail

/// As long as it lives, Ctrl-C (SIGINT) does not end the program but is noted, so that a loop can finish its step and
/// save. A second one ends the program as ever.
class interrupt_guard {
public:
    /// From now on.
    interrupt_guard() {
        detail::is_interrupted = false;
        struct sigaction note {};
        note.sa_handler = detail::hookcam_note_interrupt;
        note.sa_flags = static_cast<int>(SA_RESTART | SA_RESETHAND);
        ::sigaction(SIGINT, &note, &m_before);
    }
    interrupt_guard(interrupt_guard const&) = delete;
    interrupt_guard& operator=(interrupt_guard const&) = delete;
    ~interrupt_guard() { ::sigaction(SIGINT, &m_before, nullptr); }

    /// Whether there was one.
    [[nodiscard]] bool requested() const noexcept { return detail::is_interrupted; }

private:
    struct sigaction m_before {};
};

} // namespace hookcam
