#pragma once

#include "../tensor/memory_place.hpp"
#include "kernel.hpp"

#include <cstddef>
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
        return detail::allocate_cuda(m_handle, bytes);
    }
    void release(void* block) noexcept override { detail::release_cuda(m_handle, block); }
    void copy_in(void* to, void const* from, std::size_t bytes) override {
        detail::copy_into_cuda(m_handle, to, from, bytes);
    }
    void copy_out(void* to, void const* from, std::size_t bytes) override {
        detail::copy_out_of_cuda(m_handle, to, from, bytes);
    }
    void copy(void* to, void const* from, std::size_t bytes) override {
        detail::copy_in_cuda(m_handle, to, from, bytes);
    }
    void wait_for(memory_place& other) override {
        detail::wait_for_cuda(m_handle, static_cast<cuda_stream&>(other).m_handle);
    }
    void synchronize() override { detail::synchronize_cuda(m_handle); }
    void synchronize_device() override { detail::synchronize_cuda_device(); }

    /// The `cudaStream_t`, for calls of CUDA's own.
    [[nodiscard]] void* handle() const noexcept { return m_handle; }

private:
    void* m_handle;
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
