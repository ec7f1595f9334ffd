#pragma once

#include "error.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

#if defined(__ELF__)
extern "C" [[gnu::weak]] void
openblas_set_num_threads(int); // there where the program is linked with OpenBLAS
#endif

namespace hookcam {

namespace detail {

/// Leaves the threads to us: matrix products of OpenBLAS run on the thread that asks for them.
inline void use_one_thread_for_blas() noexcept {
#if defined(__ELF__)
    if (openblas_set_num_threads != nullptr)
        openblas_set_num_threads(1);
#endif
}

/// Threads that help whoever has work in pieces. The one with the work takes pieces too and never waits for a thread
/// that has not begun, so that a busy machine, or a process that was forked and has lost its threads, is merely slower.
class thread_pool {
public:
    /// The pool of the program. It is never destroyed: a forked process could wait for ever for threads it has not.
    [[nodiscard]] static thread_pool& instance() {
        static auto& pool = *new thread_pool;
        return pool;
    }

    thread_pool() = default;
    thread_pool(thread_pool const&) = delete;
    thread_pool& operator=(thread_pool const&) = delete;
    ~thread_pool() { stop(); }

    /// How many threads work, the caller's among them.
    [[nodiscard]] std::size_t size() const noexcept { return m_size.load(std::memory_order_relaxed); }

    void resize(std::size_t threads) {
        std::lock_guard const only{m_one_at_a_time};
        stop();
        m_size = 1;
        std::uint32_t const seen = m_state;
        for (std::size_t i = 1; i < threads; ++i) {
            m_helpers.emplace_back([this, i, seen] { help(i, seen); });
            m_size = i + 1;
        }
    }

    /// Calls `work(context, piece, worker)` for the pieces 0 to count − 1, each once, worker < `workers`. While others
    /// are at it, the caller does all of it.
    void run(std::size_t count, std::size_t workers, void (*work)(void*, std::size_t, std::size_t) noexcept,
             void* context) noexcept {
        std::unique_lock const only{m_one_at_a_time, std::try_to_lock};
        if (!only.owns_lock() || m_helpers.empty() || workers < 2 || count < 2) {
            for (std::size_t piece = 0; piece < count; ++piece)
                work(context, piece, 0);
            return;
        }
        m_job = {work, context, count, workers};
        m_next.store(0, std::memory_order_relaxed);
        // No helper is at work here, so nobody else writes the state.
        m_state.store(((m_state.load(std::memory_order_relaxed) & ~low_bits) + one_job) | is_open,
                      std::memory_order_release);
        m_state.notify_all();
        take_pieces(0);
        m_state.fetch_and(~is_open, std::memory_order_relaxed);
        while ((m_state.load(std::memory_order_acquire) & helpers_at_work) != 0)
            pause();
    }

private:
    // The state's bits: a number of the job, whether one may still begin on it, and how many are at it.
    static constexpr std::uint32_t helpers_at_work = 0x3fff;
    static constexpr std::uint32_t is_open = 0x4000;
    static constexpr std::uint32_t is_stopping = 0x8000;
    static constexpr std::uint32_t low_bits = 0xffff;
    static constexpr std::uint32_t one_job = 0x10000;
    /// How often a helper looks for the next job before it sleeps: some 50 µs, as from one layer to the next.
    static constexpr int looks = 1000;

    struct job {
        void (*work)(void*, std::size_t, std::size_t) noexcept = nullptr;
        void* context = nullptr;
        std::size_t count = 0;
        std::size_t workers = 0;
    };

    std::mutex m_one_at_a_time;
    std::vector<std::thread> m_helpers;
    std::atomic<std::size_t> m_size = 1;
    job m_job;
    alignas(64) std::atomic<std::size_t> m_next = 0;
    alignas(64) std::atomic<std::uint32_t> m_state = 0;

    static void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }

    void take_pieces(std::size_t worker) noexcept {
        job const mine = m_job;
        if (worker >= mine.workers)
            return;
        for (std::size_t piece; (piece = m_next.fetch_add(1, std::memory_order_relaxed)) < mine.count;)
            mine.work(mine.context, piece, worker);
    }

    void help(std::size_t worker, std::uint32_t seen) noexcept {
        for (;;) {
            auto state = m_state.load(std::memory_order_acquire);
            for (int look = 0;
                 look < looks && (state & ~low_bits) == (seen & ~low_bits) && (state & is_stopping) == 0;
                 ++look) {
                pause();
                state = m_state.load(std::memory_order_acquire);
            }
            if ((state & is_stopping) != 0)
                return;
            if ((state & ~low_bits) == (seen & ~low_bits)) {
                m_state.wait(state, std::memory_order_acquire);
                continue;
            }
            if ((state & is_open) == 0) { // over before it could begin
                seen = state;
                continue;
            }
            if (!m_state.compare_exchange_weak(state, state + 1, std::memory_order_acquire))
                continue;
            seen = state;
            take_pieces(worker);
            m_state.fetch_sub(1, std::memory_order_release);
        }
    }

    void stop() noexcept {
        m_state.fetch_or(is_stopping, std::memory_order_release);
        m_state.notify_all();
        for (auto& helper : m_helpers)
            helper.join();
        m_helpers.clear();
        m_state.fetch_and(~is_stopping, std::memory_order_relaxed);
    }
};

/// Calls `function(piece, worker)` for the pieces 0 to count − 1, each once, on up to `workers` threads; worker tells
/// which of them it is, for memory of its own. What a piece computes must not depend on the others, and the cut into
/// pieces must not depend on the number of threads: then neither does any bit of the result. It must not throw.
template <class Function>
void parallel_for(std::size_t count, std::size_t workers, Function&& function) noexcept {
    if (workers < 2 || count < 2) {
        for (std::size_t piece = 0; piece < count; ++piece)
            function(piece, std::size_t{0});
        return;
    }
    using plain = std::remove_reference_t<Function>;
    auto const call = [](void* context, std::size_t piece, std::size_t worker) noexcept {
        (*static_cast<plain*>(context))(piece, worker);
    };
    thread_pool::instance().run(count, workers, call,
                                const_cast<void*>(static_cast<void const*>(std::addressof(function))));
}

} // namespace detail

/// How many threads work on one call of a plan: one, where nobody said otherwise.
[[nodiscard]] inline std::size_t num_threads() {
    return detail::thread_pool::instance().size();
}

/// Sets how many threads work on one call of a plan, at least 1: the knob of the whole program. No bit of any result
/// depends on it. A plan takes the number when it sizes its buffers, at its first call. Calls from several threads at a
/// time do not share helpers: one has them, the others work alone. OpenBLAS, which has threads of its own, is set to one
/// for the whole program, so that no core has two masters; whoever never calls this keeps its setting. Waits until
/// nobody uses the helpers; where the system grants no more threads, it throws std::system_error and keeps those that
/// it got.
inline void set_num_threads(std::size_t threads) {
    if (threads == 0 || threads > 1024)
        throw error{
            error_kind::use,
            "hookcam::set_num_threads: must be 1 to 1024; std::thread::hardware_concurrency() is how many "
            "run at a time"};
    detail::use_one_thread_for_blas();
    detail::thread_pool::instance().resize(threads);
}

} // namespace hookcam
