#pragma once

#include <algorithm>
#include <cstddef>

namespace hookcam::detail {

/// Page-locked memory of this program through which a tensor goes to a device: a copy from there is started, and nobody
/// waits for it until something else is to be written there.
template <class T, class Stream>
class staging {
public:
    /// In the order of a stream, which must outlive it.
    explicit staging(Stream& to) noexcept : m_stream{&to} {}
    staging(staging const&) = delete;
    staging& operator=(staging const&) = delete;
    ~staging() { release(); }

    /// So many numbers to write to, zero where their count is another than before.
    [[nodiscard]] T* room(std::size_t size) {
        m_stream->wait_for_copies_in();
        if (size != m_size) {
            release();
            m_data = static_cast<T*>(m_stream->allocate_pinned(size * sizeof(T)));
            m_size = size;
            std::fill_n(m_data, size, T{0});
        }
        return m_data;
    }

    /// Starts the copy of all of them to the device.
    void send(T* to) { m_stream->start_copy_in(to, m_data, m_size * sizeof(T)); }

private:
    Stream* m_stream;
    T* m_data = nullptr;
    std::size_t m_size = 0;

    void release() noexcept {
        if (m_data == nullptr)
            return;
        m_stream->release_pinned(m_data);
        m_data = nullptr;
        m_size = 0;
    }
};

} // namespace hookcam::detail
