#pragma once

#include "memory_place.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace hookcam {

namespace detail {

/// Of what the system maps at a time, where it is asked to.
inline constexpr std::size_t large_page = std::size_t{1} << 21;

/// Asks for large pages: numbers that are read or written one after the other come up to twice as fast.
inline void ask_for_large_pages([[maybe_unused]] void* block, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (bytes >= large_page) // where it is refused, pages are small
        static_cast<void>(::madvise(block, bytes / large_page * large_page, MADV_HUGEPAGE));
#endif
}

} // namespace detail

/// Owned memory for `size` numbers, aligned for any instruction set, zero at first. Copies deeply. It is the processor's
/// own, or a device's.
template <class T>
class memory {
public:
    /// One cache line, and the widest vector register.
    static constexpr std::size_t alignment = 64;

    /// Holds nothing.
    memory() = default;
    /// Zeros for `size` numbers.
    explicit memory(std::size_t size) : m_size{size} {
        std::size_t const bytes = size * sizeof(T);
        auto const aligned = std::align_val_t{bytes < detail::large_page ? alignment : detail::large_page};
        m_data = {static_cast<T*>(::operator new(bytes, aligned)), release{nullptr, aligned}};
        detail::ask_for_large_pages(data(), bytes);
        std::fill_n(data(), size, T{});
    }
    /// The same at another place, which must outlive it; null is the processor's own.
    memory(std::size_t size, memory_place* place) {
        if (place == nullptr)
            *this = memory(size);
        else if (size != 0)
            m_data = {static_cast<T*>(place->allocate(size * sizeof(T))), release{place, {}}};
        m_size = size;
    }
    /// A copy of its own.
    memory(memory const& other) : memory(other.m_size, other.m_data.get_deleter().place) {
        if (auto* const place = m_data.get_deleter().place)
            place->copy(data(), other.data(), m_size * sizeof(T));
        else
            std::copy_n(other.data(), m_size, data());
    }
    /// Takes the other's memory and leaves it empty.
    memory(memory&& other) noexcept : m_data{std::move(other.m_data)}, m_size{other.m_size} {
        other.m_size = 0;
    }
    /// Copies or takes the other's, as it is given.
    memory& operator=(memory other) noexcept {
        std::swap(m_data, other.m_data);
        std::swap(m_size, other.m_size);
        return *this;
    }
    ~memory() = default;

    /// The first number; null where there is none.
    [[nodiscard]] T* data() noexcept { return m_data.get(); }
    /// The first number; null where there is none.
    [[nodiscard]] T const* data() const noexcept { return m_data.get(); }
    /// How many numbers there are.
    [[nodiscard]] std::size_t size() const noexcept { return m_size; }

private:
    struct release {
        memory_place* place = nullptr;
        std::align_val_t aligned{alignment}; ///< of the processor's own
        void operator()(T* block) const noexcept {
            if (place != nullptr)
                place->release(block);
            else
                ::operator delete(block, aligned);
        }
    };
    std::unique_ptr<T[], release> m_data;
    std::size_t m_size = 0;
};

} // namespace hookcam
