#pragma once

#include "../core/error.hpp"
#include "../core/instruction_set.hpp"
#include "../tensor/memory_place.hpp"
#include "kernel.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace hookcam {

/// The order in which the host executor runs the blocks of a grid, and in each phase the threads of a block. A kernel
/// whose result depends on it has a race.
enum class emulated_order {
    forward,  ///< from the first
    backward, ///< from the last
};

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// A block of threads, run by one thread of the processor.
template <class Body>
class emulated_block {
public:
    static constexpr unsigned threads = Body::threads;

    /// What each thread has for itself from phase to phase.
    template <class T>
    class per_thread {
    public:
        /// Filled with what no kernel means, as registers are.
        per_thread() { std::memset(static_cast<void*>(m_values.data()), 0xff, sizeof(m_values)); }
        [[nodiscard]] T& operator[](unsigned thread) { return m_values[thread]; }

    private:
        static_assert(std::is_trivially_copyable_v<T>);
        std::array<T, threads> m_values;
    };

    unsigned x = 0;
    unsigned y = 0;
    unsigned z = 0;

    emulated_block(typename Body::shared& shared, emulated_order order) : m_shared{&shared}, m_order{order} {}

    [[nodiscard]] typename Body::shared& shared() const noexcept { return *m_shared; }

    template <class Function>
    void each(Function const& function) const {
        if (m_order == emulated_order::forward)
            for (unsigned thread = 0; thread < threads; ++thread)
                function(thread);
        else
            for (unsigned thread = threads; thread-- > 0;)
                function(thread);
    }
    template <class Function>
    void last(Function const& function) const {
        each(function);
    }

private:
    typename Body::shared* m_shared;
    emulated_order m_order;
};

/// Runs a grid.
template <class Body>
void run_emulated(emulated_order order, kernel_grid const& grid, Body const& body) {
    auto const shared = std::make_unique<typename Body::shared>();
    std::size_t const count = grid.count();
    for (std::size_t i = 0; i < count; ++i) {
        std::size_t const at = order == emulated_order::forward ? i : count - 1 - i;
        std::memset(static_cast<void*>(shared.get()), 0xff, sizeof(typename Body::shared));
        emulated_block<Body> block{*shared, order};
        block.x = static_cast<unsigned>(at % grid.x);
        block.y = static_cast<unsigned>(at / grid.x % grid.y);
        block.z = static_cast<unsigned>(at / grid.x / grid.y);
        body.run(block);
    }
}

} // namespace HOOKCAM_INSTRUCTION_SET

/// The emulated device's memory: pages that nobody but a kernel or a copy may touch, each block right in front of a page
/// that nobody may touch at all. A pointer followed elsewhere, or too far, ends the program.
class emulated_memory {
public:
    [[nodiscard]] static emulated_memory& all() {
        static auto& memory = *new emulated_memory; // never goes: models may outlive anything
        return memory;
    }

    [[nodiscard]] void* allocate(std::size_t bytes) {
        std::size_t const size = parts_of(std::max<std::size_t>(bytes, 1), alignment) * alignment;
        std::size_t const room = parts_of(size, m_page) * m_page;
        void* const pages = ::mmap(nullptr, room + m_page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pages == MAP_FAILED)
            throw error{error_kind::device, "hookcam::emulated: there must be room for " +
                                                std::to_string(bytes) + " bytes; take a smaller batch"};
        auto* const begin = static_cast<std::byte*>(pages);
        std::lock_guard const lock{m_mutex};
        m_blocks.push_back({begin, room, begin + (room - size)});
        if (m_open > 0)
            protect(m_blocks.back(), PROT_READ | PROT_WRITE);
        return m_blocks.back().data;
    }

    void release(void* data) noexcept {
        std::lock_guard const lock{m_mutex};
        auto const at =
            std::find_if(m_blocks.begin(), m_blocks.end(), [data](block const& b) { return b.data == data; });
        if (at == m_blocks.end())
            return;
        ::munmap(at->begin, at->room + m_page);
        m_blocks.erase(at);
    }

    /// While it lives, the memory can be read and written.
    class access {
    public:
        explicit access(emulated_memory& to) : m_to{to} { m_to.open(1); }
        ~access() { m_to.open(-1); }
        access(access const&) = delete;
        access& operator=(access const&) = delete;

    private:
        emulated_memory& m_to;
    };

private:
    struct block {
        std::byte* begin;
        std::size_t room;
        std::byte* data;
    };
    static constexpr std::size_t alignment = 16;
    std::size_t m_page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    std::mutex m_mutex;
    int m_open = 0;
    std::vector<block> m_blocks;

    static void protect(block const& of, int protection) { ::mprotect(of.begin, of.room, protection); }

    void open(int more) {
        std::lock_guard const lock{m_mutex};
        int const before = m_open;
        m_open += more;
        if (before == 0 || m_open == 0)
            for (auto const& b : m_blocks)
                protect(b, m_open == 0 ? PROT_NONE : PROT_READ | PROT_WRITE);
    }
};

} // namespace detail

/// A stream of the emulated device: all is done at once, but for `start_copy_in`, which is done as late as a device may.
class emulated_stream final : public memory_place {
public:
    /// With nothing to do.
    emulated_stream() = default;
    /// Does what waits.
    ~emulated_stream() override { wait_for_copies_in(); }

    /// Of parameters.
    [[nodiscard]] static emulated_stream& main() {
        static auto& stream = *new emulated_stream;
        return stream;
    }

    [[nodiscard]] void* allocate(std::size_t bytes) override {
        detail::must_be_repeatable(m_is_recording, "an allocation");
        ++s_allocations;
        auto* const block = detail::emulated_memory::all().allocate(bytes);
        detail::emulated_memory::access const open{detail::emulated_memory::all()};
        std::memset(block, 0, bytes);
        return block;
    }
    void release(void* block) noexcept override {
        wait_for_copies_in();
        detail::emulated_memory::all().release(block);
    }
    void copy_in(void* to, void const* from, std::size_t bytes) override {
        detail::must_be_repeatable(m_is_recording, "a copy from this program's memory");
        ++s_host_copies;
        copy(to, from, bytes);
    }
    void copy_out(void* to, void const* from, std::size_t bytes) override {
        detail::must_be_repeatable(m_is_recording, "a copy to this program's memory");
        ++s_host_copies;
        copy(to, from, bytes);
    }
    void copy(void* to, void const* from, std::size_t bytes) override {
        do_now_or_record([=] { copy_now(to, from, bytes); });
    }
    void wait_for(memory_place& other) override {
        detail::must_be_repeatable(m_is_recording, "what waits for another stream");
        static_cast<emulated_stream&>(other).wait_for_copies_in();
    }
    void synchronize() override {
        detail::must_be_repeatable(m_is_recording, "what waits for the device");
        wait_for_copies_in();
    }
    void synchronize_device() override { synchronize(); }

    /// This program's memory, from which `start_copy_in` reads.
    [[nodiscard]] void* allocate_pinned(std::size_t bytes) { return ::operator new(bytes); }
    /// Gives back what `allocate_pinned` returned, when it has been read.
    void release_pinned(void* block) noexcept {
        wait_for_copies_in();
        ::operator delete(block);
    }
    /// From such memory: it is read when the stream does something else, or is waited for.
    void start_copy_in(void* to, void const* from, std::size_t bytes) {
        detail::must_be_repeatable(m_is_recording, "a copy from this program's memory");
        ++s_host_copies;
        m_waiting.push_back({to, from, bytes});
    }
    /// Waits until all that `start_copy_in` was given has been read.
    void wait_for_copies_in() noexcept {
        for (auto const& [to, from, bytes] : m_waiting)
            copy_now(to, from, bytes);
        m_waiting.clear();
    }

    /// Work that was recorded.
    using recording = std::vector<std::function<void()>>;

    /// Keeps what `work` starts on this stream, which is not done by that. Throws `error_kind::device` where it cannot be
    /// repeated: where it copies from or to this program's memory, allocates or waits.
    template <class Work>
    [[nodiscard]] recording record(Work const& work) {
        struct ends {
            emulated_stream& of;
            ~ends() { of.m_is_recording = false; }
        };
        m_recorded.clear();
        m_is_recording = true;
        ends const end{*this};
        work();
        return std::exchange(m_recorded, {});
    }
    /// True while work is recorded.
    [[nodiscard]] bool is_recording() const noexcept { return m_is_recording; }
    /// Does what was recorded.
    void start(recording const& of) {
        detail::must_be_repeatable(m_is_recording, "a recording");
        ++s_recordings_started;
        for (auto const& work : of)
            do_now_or_record(work);
    }

    /// How kernels are run from now on, on every stream.
    static void set_order(emulated_order order) noexcept { s_order = order; }
    /// How they are run now.
    [[nodiscard]] static emulated_order order() noexcept { return s_order; }
    /// How many kernels were started so far, on every stream.
    [[nodiscard]] static std::size_t launches() noexcept { return s_launches; }
    /// How often something that was recorded was started so far, on every stream.
    [[nodiscard]] static std::size_t recordings_started() noexcept { return s_recordings_started; }
    /// How often memory was allocated so far, on every stream.
    [[nodiscard]] static std::size_t allocations() noexcept { return s_allocations; }
    /// How often something was copied from or to this program's memory so far, on every stream.
    [[nodiscard]] static std::size_t host_copies() noexcept { return s_host_copies; }

private:
    friend struct emulated;
    static inline emulated_order s_order = emulated_order::forward;
    static inline std::size_t s_launches = 0;
    static inline std::size_t s_allocations = 0;
    static inline std::size_t s_host_copies = 0;
    static inline std::size_t s_recordings_started = 0;

    struct waiting_copy {
        void* to;
        void const* from;
        std::size_t bytes;
    };
    std::vector<waiting_copy> m_waiting;
    recording m_recorded;
    bool m_is_recording = false;

    static void copy_now(void* to, void const* from, std::size_t bytes) noexcept {
        if (bytes == 0)
            return;
        detail::emulated_memory::access const open{detail::emulated_memory::all()};
        std::memcpy(to, from, bytes);
    }

    template <class Work>
    void do_now_or_record(Work const& work) {
        if (m_is_recording) {
            m_recorded.emplace_back(work);
            return;
        }
        wait_for_copies_in();
        work();
    }
};

/// A device that is none: the kernels of a GPU, run by the processor, block by block. It is for tests of kernels where
/// there is no GPU, yours too: `to<emulated>(model)`. Its memory cannot be touched from outside of kernels.
struct emulated {
    using stream_type = emulated_stream; ///< of its memory and its work

    emulated_stream* stream = nullptr; ///< in whose order work is done

    /// Runs a kernel.
    template <class Body, class Set = detail::instruction_set>
    void launch(kernel_grid const& grid, Body const& body) const {
        static_assert(detail::kernel_body_must_be_plain<Body>::value);
        detail::check_grid<Body>(grid);
        auto const run = [grid, body] {
            detail::emulated_memory::access const open{detail::emulated_memory::all()};
            ++emulated_stream::s_launches;
            detail::run_emulated(emulated_stream::s_order, grid, body);
        };
        if (stream != nullptr)
            stream->do_now_or_record(run);
        else
            run();
    }
};

} // namespace hookcam
