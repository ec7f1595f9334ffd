#pragma once

#include "../tensor/memory_place.hpp"
#include "kernel.hpp"

#include <cstddef>
#include <memory>
#include <string>

namespace hookcam {

/// True where there is a GPU, a driver for it, and in this program kernels that it can run. Never throws.
[[nodiscard]] bool has_cuda_device() noexcept;

/// Why there is none, in CUDA's words, such as "no CUDA-capable device is detected"; empty where there is one.
[[nodiscard]] std::string cuda_device_problem();

/// Its name, such as "NVIDIA H100 80GB HBM3"; throws `error_kind::device` where there is none.
[[nodiscard]] std::string cuda_device_name();

namespace detail {

// Compiled by nvcc, in runtime.cu. A handle is a `cudaStream_t`. All but the two that release throw `error_kind::device`,
// with the call and the place, where CUDA reports an error.

[[nodiscard]] void* make_cuda_stream();
void release_cuda_stream(void* handle) noexcept;
void wait_for_cuda(void* handle, void* other);
void synchronize_cuda(void* handle);
void synchronize_cuda_device();
[[nodiscard]] void* allocate_cuda(void* handle, std::size_t bytes);
void release_cuda(void* handle, void* block) noexcept;
void copy_into_cuda(void* handle, void* to, void const* from, std::size_t bytes);
void copy_out_of_cuda(void* handle, void* to, void const* from, std::size_t bytes);
void copy_in_cuda(void* handle, void* to, void const* from, std::size_t bytes);

[[nodiscard]] void* allocate_pinned(std::size_t bytes);
void release_pinned(void* handle, void* block) noexcept;
void start_copy_into_cuda(void* handle, void* to, void const* from, std::size_t bytes);
[[nodiscard]] void* make_cuda_event();
void release_cuda_event(void* event) noexcept;
void record_cuda_event(void* event, void* handle);
void wait_for_cuda_event(void* event);

// What is started between the first two is kept as a graph, whose handle is a `cudaGraphExec_t`.
void begin_cuda_recording(void* handle);
[[nodiscard]] void* end_cuda_recording(void* handle);
void drop_cuda_recording(void* handle) noexcept;
void start_cuda_recording(void* graph, void* handle);
void release_cuda_recording(void* graph) noexcept;

} // namespace detail

namespace detail {

/// What `release` is to be called for, once.
template <void (*Release)(void*) noexcept>
class cuda_handle {
public:
    explicit cuda_handle(void* handle = nullptr) noexcept : m_handle{handle, Release} {}
    [[nodiscard]] void* get() const noexcept { return m_handle.get(); }

private:
    std::unique_ptr<void, void (*)(void*) noexcept> m_handle;
};

} // namespace detail

/// A stream of an NVIDIA GPU, the first that CUDA shows: what is started on it is done in order. It owns the stream, and
/// allocates in its order, from CUDA's pool. Where there is no GPU, making one throws `error_kind::device`. Errors of the
/// CUDA runtime become exceptions that name the call and the place. A program that uses it links `hookcam::cuda`.
class cuda_stream final : public memory_place {
public:
    /// On the first device.
    cuda_stream() : m_handle{detail::make_cuda_stream()} {}
    /// Waits for what was started: it may read a model that goes next.
    ~cuda_stream() override { detail::release_cuda_stream(m_handle); }

    /// Of parameters; it lives until the program ends.
    [[nodiscard]] static cuda_stream& main() {
        static auto& stream = *new cuda_stream;
        return stream;
    }

    [[nodiscard]] void* allocate(std::size_t bytes) override {
        detail::must_be_repeatable(m_is_recording, "an allocation");
        return detail::allocate_cuda(m_handle, bytes);
    }
    void release(void* block) noexcept override { detail::release_cuda(m_handle, block); }
    void copy_in(void* to, void const* from, std::size_t bytes) override {
        detail::must_be_repeatable(m_is_recording, "a copy from this program's memory");
        detail::copy_into_cuda(m_handle, to, from, bytes);
    }
    void copy_out(void* to, void const* from, std::size_t bytes) override {
        detail::must_be_repeatable(m_is_recording, "a copy to this program's memory");
        detail::copy_out_of_cuda(m_handle, to, from, bytes);
    }
    void copy(void* to, void const* from, std::size_t bytes) override {
        detail::copy_in_cuda(m_handle, to, from, bytes);
    }
    void wait_for(memory_place& other) override {
        detail::must_be_repeatable(m_is_recording, "what waits for another stream");
        detail::wait_for_cuda(m_handle, static_cast<cuda_stream&>(other).m_handle);
    }
    void synchronize() override {
        detail::must_be_repeatable(m_is_recording, "what waits for the device");
        detail::synchronize_cuda(m_handle);
    }
    void synchronize_device() override {
        detail::must_be_repeatable(m_is_recording, "what waits for the device");
        detail::synchronize_cuda_device();
    }

    /// Page-locked memory of this program, from which `start_copy_in` reads. Throws where there is no room.
    [[nodiscard]] void* allocate_pinned(std::size_t bytes) { return detail::allocate_pinned(bytes); }
    /// Gives back what `allocate_pinned` returned, when it has been read.
    void release_pinned(void* block) noexcept { detail::release_pinned(m_handle, block); }
    /// From page-locked memory, without waiting: `from` may change when `wait_for_copies_in` has returned.
    void start_copy_in(void* to, void const* from, std::size_t bytes) {
        detail::must_be_repeatable(m_is_recording, "a copy from this program's memory");
        if (m_has_read.get() == nullptr)
            m_has_read = detail::cuda_handle<detail::release_cuda_event>{detail::make_cuda_event()};
        detail::start_copy_into_cuda(m_handle, to, from, bytes);
        detail::record_cuda_event(m_has_read.get(), m_handle);
    }
    /// Waits until all that `start_copy_in` was given has been read.
    void wait_for_copies_in() {
        if (m_has_read.get() != nullptr)
            detail::wait_for_cuda_event(m_has_read.get());
    }

    /// Work that was recorded: a CUDA graph.
    using recording = detail::cuda_handle<detail::release_cuda_recording>;

    /// Keeps what `work` starts on this stream, which is not done by that. Throws `error_kind::device` where it cannot be
    /// repeated: where it copies from or to this program's memory, allocates or waits.
    template <class Work>
    [[nodiscard]] recording record(Work const& work) {
        detail::begin_cuda_recording(m_handle);
        m_is_recording = true;
        try {
            work();
        } catch (...) {
            m_is_recording = false;
            detail::drop_cuda_recording(m_handle);
            throw;
        }
        m_is_recording = false;
        return recording{detail::end_cuda_recording(m_handle)};
    }
    /// True while work is recorded.
    [[nodiscard]] bool is_recording() const noexcept { return m_is_recording; }
    /// Starts what was recorded, as a whole.
    void start(recording const& of) { detail::start_cuda_recording(of.get(), m_handle); }

    /// The `cudaStream_t`, for calls of CUDA's own.
    [[nodiscard]] void* handle() const noexcept { return m_handle; }

private:
    void* m_handle;
    detail::cuda_handle<detail::release_cuda_event>
        m_has_read; ///< happens when the last of `start_copy_in` is done
    bool m_is_recording = false;
};

/// An NVIDIA GPU: `to<cuda>(model)`.
struct cuda {
    using stream_type = cuda_stream; ///< of its memory and its work

    cuda_stream* stream = nullptr; ///< in whose order work is done

    /// Starts a kernel. It is compiled where nvcc sees the kernel's body: a .cu file includes launch.cuh and says
    /// `HOOKCAM_CUDA_KERNEL(body);`.
    template <class Body>
    void launch(kernel_grid const& grid, Body const& body) const;
};

} // namespace hookcam
