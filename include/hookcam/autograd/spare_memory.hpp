#pragma once

#include "../core/instruction_set.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define HOOKCAM_SPARES_NO_MEMORY
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HOOKCAM_SPARES_NO_MEMORY
#endif
#endif

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// Blocks of memory that nobody uses, the oldest first.
struct spare_blocks {
    struct block {
        void* at;
        std::size_t bytes;
    };
    static constexpr std::align_val_t line{64};

    std::array<block, 32> blocks{};
    std::size_t count = 0;
    std::size_t bytes = 0;
    bool is_closed = false; ///< the thread ends

    void forget(std::size_t index) noexcept {
        bytes -= blocks[index].bytes;
        auto const from = blocks.begin() + static_cast<std::ptrdiff_t>(index);
        std::copy(from + 1, blocks.begin() + static_cast<std::ptrdiff_t>(count), from);
        --count;
    }
    void release(std::size_t index) noexcept {
        ::operator delete(blocks[index].at, line);
        forget(index);
    }
};

/// Memory of large tensors that went, kept for the next ones: each step of a computation makes tensors of the same sizes,
/// and memory that goes back to the system meanwhile costs a fault a page when it comes again. A thread keeps the last
/// few that it dropped, 64 MB at most, until it ends.
class spare_memory {
public:
    /// Room for so many bytes, from a whole cache line on.
    [[nodiscard]] static void* take(std::size_t bytes) {
        auto& kept = of_thread;
        for (auto i = kept.count; bytes >= smallest && i-- > 0;)
            if (kept.blocks[i].bytes == bytes) {
                void* const found = kept.blocks[i].at;
                kept.forget(i);
                return found;
            }
        return ::operator new(bytes, line);
    }
    /// Takes back what `take` gave for so many bytes.
    static void give(void* at, std::size_t bytes) noexcept {
        auto& kept = of_thread;
        if (bytes < smallest || bytes > most || kept.is_closed) {
            ::operator delete(at, line);
            return;
        }
        static thread_local closer const until_the_end{};
        (void)until_the_end;
        while (kept.count == kept.blocks.size() || kept.bytes + bytes > most)
            kept.release(0);
        kept.blocks[kept.count++] = {at, bytes};
        kept.bytes += bytes;
    }

private:
    static constexpr auto line = spare_blocks::line;
    static constexpr std::size_t most = std::size_t{64} << 20;
#ifdef HOOKCAM_SPARES_NO_MEMORY
    static constexpr std::size_t smallest = most + 1; // so that the sanitizer sees what is used after its end
#else
    static constexpr std::size_t smallest = std::size_t{64} << 10; // smaller ones stay with the allocator
#endif

    struct closer {
        closer() = default;
        closer(closer const&) = delete;
        closer& operator=(closer const&) = delete;
        ~closer() {
            auto& kept = of_thread;
            while (kept.count > 0)
                kept.release(kept.count - 1);
            kept.is_closed = true;
        }
    };
    static inline constinit thread_local spare_blocks of_thread{};
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail

#undef HOOKCAM_SPARES_NO_MEMORY
