#pragma once

#include "../core/error.hpp"
#include "../core/instruction_set.hpp"
#include "../tensor/memory_place.hpp"
#include "kernel.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
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
///
/// All is done at once here; on a GPU, streams go on side by side. So each block knows which stream wrote it last and who
/// has read it since, and each stream what it has waited for: whoever does not wait is refused. Of a kernel, the blocks are
/// those that its body points into; it has written one of another stream where that has changed.
class emulated_memory {
public:
    [[nodiscard]] static emulated_memory& all() {
        static auto& memory = *new emulated_memory; // never goes: models may outlive anything
        return memory;
    }

    [[nodiscard]] void* allocate(std::size_t stream, std::size_t bytes) {
        std::size_t const size = parts_of(std::max<std::size_t>(bytes, 1), alignment) * alignment;
        std::size_t const room = parts_of(size, m_page) * m_page;
        void* const pages = ::mmap(nullptr, room + m_page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pages == MAP_FAILED)
            throw error{error_kind::device, "hookcam::emulated: there must be room for " +
                                                std::to_string(bytes) + " bytes; take a smaller batch"};
        auto* const begin = static_cast<std::byte*>(pages);
        std::lock_guard const lock{m_mutex};
        m_blocks.push_back({begin, room, begin + (room - size), size, stream, begins(stream), {}});
        if (m_open > 0)
            protect(m_blocks.back(), PROT_READ | PROT_WRITE);
        return m_blocks.back().data;
    }

    void release(std::size_t stream, void* data) noexcept {
        std::lock_guard const lock{m_mutex};
        auto const at =
            std::find_if(m_blocks.begin(), m_blocks.end(), [data](block const& b) { return b.data == data; });
        if (at == m_blocks.end())
            return;
        if (!is_done_for(stream, at->written) || !are_done_for(stream, at->reads))
            end("memory must not be released while another stream uses it; let its own stream wait for that");
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

    // --- streams, by their numbers

    [[nodiscard]] std::size_t add_stream() {
        std::lock_guard const lock{m_mutex};
        auto at = std::find_if(m_streams.begin(), m_streams.end(), [](auto const& s) { return !s.lives; });
        if (at == m_streams.end())
            at = m_streams.insert(at, stream_state{});
        at->lives = true; // what its number has done before is done
        at->seen.clear();
        return static_cast<std::size_t>(at - m_streams.begin());
    }
    void remove_stream(std::size_t stream) noexcept {
        synchronize(stream);
        std::lock_guard const lock{m_mutex};
        if (std::any_of(m_blocks.begin(), m_blocks.end(), [=](block const& b) { return b.owner == stream; }))
            end("a stream must outlive its memory; destroy the tensors and plans on it first");
        m_streams[stream].lives = false;
    }
    void wait_for(std::size_t stream, std::size_t other) {
        std::lock_guard const lock{m_mutex};
        auto& of = m_streams[stream];
        of.seen.resize(m_streams.size());
        auto const& from = m_streams[other];
        for (std::size_t i = 0; i < from.seen.size(); ++i)
            of.seen[i] = std::max(of.seen[i], from.seen[i]);
        of.seen[other] = from.now;
    }
    void synchronize(std::size_t stream) noexcept {
        std::lock_guard const lock{m_mutex};
        auto const& of = m_streams[stream];
        for (std::size_t i = 0; i < of.seen.size(); ++i)
            m_streams[i].done = std::max(m_streams[i].done, of.seen[i]);
        m_streams[stream].done = of.now;
    }
    void synchronize_all() noexcept {
        std::lock_guard const lock{m_mutex};
        for (auto& s : m_streams)
            s.done = s.now;
    }

    // --- what is done on a stream; throws where that must have waited for another

    void reads(std::size_t stream, char const* who, void const* data) {
        std::lock_guard const lock{m_mutex};
        if (auto* const b = block_at(data))
            note_read(*b, stream, who);
    }
    void writes(std::size_t stream, char const* who, void const* data) {
        std::lock_guard const lock{m_mutex};
        if (auto* const b = block_at(data))
            note_write(*b, stream, who);
    }

    /// A block that a kernel may read or write, as it was before.
    struct suspect {
        std::byte* data;
        std::vector<std::byte> before;
    };
    /// Before a kernel, while there is access.
    template <class Body>
    [[nodiscard]] std::vector<suspect> begin_kernel(std::size_t stream, Body const& body) {
        std::vector<suspect> found;
        std::lock_guard const lock{m_mutex};
        for (std::size_t i = 0; i + sizeof(void*) <= sizeof(Body); i += sizeof(void*)) {
            std::byte* word = nullptr; // a pointer, or numbers that are none into a block
            std::memcpy(&word, reinterpret_cast<std::byte const*>(&body) + i, sizeof(word));
            auto* const b = block_at(word);
            if (b == nullptr ||
                std::any_of(found.begin(), found.end(), [=](suspect const& s) { return s.data == b->data; }))
                continue;
            if (!is_done_for(stream, b->written))
                refuse(Body::name, "reads", "wrote");
            if (b->written.stream == stream && are_done_for(stream, b->reads))
                note_write(*b, stream, Body::name); // most likely, and nobody else would see
            else
                found.push_back({b->data, {b->data, b->data + b->size}});
        }
        return found;
    }
    /// Behind it.
    void end_kernel(std::size_t stream, char const* who, std::vector<suspect> const& suspects) {
        std::lock_guard const lock{m_mutex};
        for (auto const& of : suspects)
            if (auto* const b = block_at(of.data)) {
                if (std::memcmp(of.data, of.before.data(), of.before.size()) != 0)
                    note_write(*b, stream, who);
                else
                    note_read(*b, stream, who);
            }
    }

private:
    /// When a stream did something: the how-manieth thing it was.
    struct event {
        std::size_t stream;
        std::size_t at;
    };
    struct block {
        std::byte* begin;
        std::size_t room;
        std::byte* data;
        std::size_t size;
        std::size_t owner;
        event written;
        std::vector<event> reads; ///< since then, one a stream
    };
    struct stream_state {
        bool lives = false;
        std::size_t now = 0;           ///< how many things were started
        std::size_t done = 0;          ///< of these, for the whole program
        std::vector<std::size_t> seen; ///< of each other stream, when what is started here begins
    };
    static constexpr std::size_t alignment = 16;
    std::size_t m_page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    std::mutex m_mutex;
    int m_open = 0;
    std::vector<block> m_blocks;
    std::vector<stream_state> m_streams;

    static void protect(block const& of, int protection) { ::mprotect(of.begin, of.room, protection); }

    void open(int more) {
        std::lock_guard const lock{m_mutex};
        int const before = m_open;
        m_open += more;
        if (before == 0 || m_open == 0)
            for (auto const& b : m_blocks)
                protect(b, m_open == 0 ? PROT_NONE : PROT_READ | PROT_WRITE);
    }

    /// Null where it is this program's memory, or none.
    [[nodiscard]] block* block_at(void const* data) noexcept {
        auto const* const at = static_cast<std::byte const*>(data);
        for (auto& b : m_blocks)
            if (!std::less<>{}(at, b.data) && std::less<>{}(at, b.data + b.size))
                return &b;
        return nullptr;
    }

    /// The next thing on a stream.
    [[nodiscard]] event begins(std::size_t stream) noexcept { return {stream, ++m_streams[stream].now}; }

    /// True where what begins on a stream now comes behind it.
    [[nodiscard]] bool is_done_for(std::size_t stream, event const& before) const noexcept {
        auto const& seen = m_streams[stream].seen;
        return before.stream == stream || before.at <= m_streams[before.stream].done ||
               (before.stream < seen.size() && before.at <= seen[before.stream]);
    }
    [[nodiscard]] bool are_done_for(std::size_t stream, std::vector<event> const& before) const noexcept {
        return std::all_of(before.begin(), before.end(),
                           [=, this](event const& e) { return is_done_for(stream, e); });
    }

    void note_read(block& of, std::size_t stream, char const* who) {
        if (!is_done_for(stream, of.written))
            refuse(who, "reads", "wrote");
        std::erase_if(of.reads, [=](event const& e) { return e.stream == stream; });
        of.reads.push_back(begins(stream));
    }
    void note_write(block& of, std::size_t stream, char const* who) {
        if (!is_done_for(stream, of.written))
            refuse(who, "writes", "wrote");
        if (!are_done_for(stream, of.reads))
            refuse(who, "writes", "reads");
        of.written = begins(stream);
        of.reads.clear();
    }

    [[noreturn]] static void refuse(char const* who, char const* does, char const* other) {
        std::string text{"hookcam::emulated: "};
        text += who;
        text += " must wait for the stream that ";
        text += other;
        text += " what it ";
        text += does;
        text += "; call wait_for, or synchronize";
        throw error{error_kind::use, text};
    }
    /// For what may not throw.
    [[noreturn]] static void end(char const* sentence) noexcept {
        std::fprintf(stderr, "hookcam::emulated: %s\n", sentence);
        std::abort();
    }
};

} // namespace detail

/// A stream of the emulated device: all is done at once, but for `start_copy_in`, which is done as late as a device may.
/// What would race on a GPU, since it does not wait for another stream, throws `error_kind::use`, or ends the program where
/// nothing can be thrown.
class emulated_stream final : public memory_place {
public:
    /// With nothing to do.
    emulated_stream() : m_number{detail::emulated_memory::all().add_stream()} {}
    /// Does what waits. Its memory must have been released.
    ~emulated_stream() override {
        wait_for_copies_in();
        detail::emulated_memory::all().remove_stream(m_number);
    }

    /// Of parameters.
    [[nodiscard]] static emulated_stream& main() {
        static auto& stream = *new emulated_stream;
        return stream;
    }

    [[nodiscard]] void* allocate(std::size_t bytes) override {
        detail::must_be_repeatable(m_is_recording, "an allocation");
        ++s_allocations;
        auto* const block = detail::emulated_memory::all().allocate(m_number, bytes);
        detail::emulated_memory::access const open{detail::emulated_memory::all()};
        std::memset(block, 0, bytes);
        return block;
    }
    void release(void* block) noexcept override {
        wait_for_copies_in();
        detail::emulated_memory::all().release(m_number, block);
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
        synchronize();
    }
    void copy(void* to, void const* from, std::size_t bytes) override {
        do_now_or_record([=, this] { copy_now(to, from, bytes); });
    }
    void wait_for(memory_place& other) override {
        detail::must_be_repeatable(m_is_recording, "what waits for another stream");
        auto& of = static_cast<emulated_stream&>(other);
        of.wait_for_copies_in();
        detail::emulated_memory::all().wait_for(m_number, of.m_number);
    }
    void synchronize() override {
        detail::must_be_repeatable(m_is_recording, "what waits for the device");
        wait_for_copies_in();
        detail::emulated_memory::all().synchronize(m_number);
    }
    void synchronize_device() override {
        synchronize();
        detail::emulated_memory::all().synchronize_all();
    }

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
        detail::emulated_memory::all().writes(m_number, "a copy", to);
        m_waiting.push_back({to, from, bytes});
    }
    /// Waits until all that `start_copy_in` was given has been read.
    void wait_for_copies_in() noexcept {
        for (auto const& [to, from, bytes] : m_waiting)
            copy_bytes(to, from, bytes);
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
    std::size_t m_number;

    struct waiting_copy {
        void* to;
        void const* from;
        std::size_t bytes;
    };
    std::vector<waiting_copy> m_waiting;
    recording m_recorded;
    bool m_is_recording = false;

    static void copy_bytes(void* to, void const* from, std::size_t bytes) noexcept {
        if (bytes == 0)
            return;
        detail::emulated_memory::access const open{detail::emulated_memory::all()};
        std::memcpy(to, from, bytes);
    }

    void copy_now(void* to, void const* from, std::size_t bytes) const {
        if (bytes == 0)
            return;
        auto& memory = detail::emulated_memory::all();
        memory.reads(m_number, "a copy", from);
        memory.writes(m_number, "a copy", to);
        copy_bytes(to, from, bytes);
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
        stream->do_now_or_record([number = stream->m_number, grid, body] {
            auto& memory = detail::emulated_memory::all();
            detail::emulated_memory::access const open{memory};
            ++emulated_stream::s_launches;
            auto const suspects = memory.begin_kernel(number, body);
            detail::run_emulated(emulated_stream::s_order, grid, body);
            memory.end_kernel(number, Body::name, suspects);
        });
    }
};

} // namespace hookcam
