#pragma once

// What the fuzz targets share. A target has `LLVMFuzzerTestOneInput`, which ends the program where a promise of
// docs/hostile-files.md is broken.

#include "../sanitized.hpp"

#include <hookcam/core/error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#ifdef HOOKCAM_ADDRESS_SANITIZER
#include <sanitizer/allocator_interface.h>
#endif

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

namespace fuzz {

inline void require(bool holds, char const* promise) {
    if (!holds) {
        std::fprintf(stderr, "broken promise: %s\n", promise);
        std::abort();
    }
}

/// Whether `action` takes the file. It may refuse it by a `hookcam::error` about a file and in no other way.
template <class Action>
bool accepts(Action&& action) {
    try {
        action();
        return true;
    } catch (hookcam::error const& error) {
        require(error.kind() == hookcam::error_kind::file, "the error is about a file");
        require(std::string_view{error.what()}.starts_with("hookcam::"), "the error says who refuses");
        return false;
    }
}

/// The memory that everything in the program, the C libraries too, asks for while it lives. Only with
/// AddressSanitizer, whose allocator can be asked; else it counts nothing.
class allocation_meter {
public:
    allocation_meter() {
#ifdef HOOKCAM_ADDRESS_SANITIZER
        [[maybe_unused]] static int const installed = __sanitizer_install_malloc_and_free_hooks(
            [](void const volatile*, std::size_t size) {
                total_bytes += size;
                held_bytes += size;
                most_bytes = std::max(most_bytes, held_bytes);
            },
            [](void const volatile* memory) {
                if (memory != nullptr) {
                    auto const size = __sanitizer_get_allocated_size(const_cast<void const*>(memory));
                    held_bytes -= std::min(size, held_bytes);
                }
            });
#endif
        total_bytes = held_bytes = most_bytes = 0;
    }

    /// All that was asked for, what was given back included.
    [[nodiscard]] std::size_t total() const {
        return total_bytes;
    }
    /// The most that was held at a time.
    [[nodiscard]] std::size_t most() const {
        return most_bytes;
    }

private:
    static inline std::size_t total_bytes = 0;
    static inline std::size_t held_bytes = 0;
    static inline std::size_t most_bytes = 0;
};

} // namespace fuzz
