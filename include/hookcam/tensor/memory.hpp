#pragma once

#include "memory_place.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace hookcam {

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
    explicit memory(std::size_t size)
        : m_data{static_cast<T*>(::operator new (size * sizeof(T), std::align_val_t{alignment}))},
          m_size{size} {
        std::fill_n(m_data.get(), size, T{});
    }
    /// The same at another place, which must outlive it; null is the processor's own.
    memory(std::size_t size, memory_place* place) {
        if (place == nullptr)
            *this = memory(size);
        else if (size != 0)
            m_data = {static_cast<T*>(place->allocate(size * sizeof(T))), release{place}};
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
        void operator()(T* block) const noexcept {
            if (place != nullptr)
                place->release(block);
            else
                ::operator delete (block, std::align_val_t{alignment});
        }
    };
    std::unique_ptr<T[], release> m_data;
    std::size_t m_size = 0;
};

} // namespace hookcam
