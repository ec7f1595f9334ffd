#pragma once

// Starts kernels; for .cu files. `HOOKCAM_CUDA_KERNEL(body);` compiles a kernel and the function that starts it.

#include "cuda.hpp"
#include "kernel.hpp"

#include <cuda_runtime.h>

#include <string>
#include <utility>

namespace hookcam::detail {

/// A block on the GPU: this is one of its threads.
template <class Body>
class cuda_block {
public:
    /// A register, or several.
    template <class T>
    class per_thread {
    public:
        HOOKCAM_DEVICE T& operator[](unsigned) { return m_value; }

    private:
        T m_value;
    };

    unsigned x;
    unsigned y;
    unsigned z;

    HOOKCAM_DEVICE explicit cuda_block(typename Body::shared& shared) : m_shared{&shared} {
#if defined(__CUDA_ARCH__)
        x = blockIdx.x;
        y = blockIdx.y;
        z = blockIdx.z;
#endif
    }

    HOOKCAM_DEVICE typename Body::shared& shared() const {
        return *m_shared;
    }

    template <class Function>
    HOOKCAM_DEVICE void each(Function const& function) const {
#if defined(__CUDA_ARCH__)
        function(threadIdx.x);
        __syncthreads();
#endif
    }
    template <class Function>
    HOOKCAM_DEVICE void last(Function const& function) const {
#if defined(__CUDA_ARCH__)
        function(threadIdx.x);
#endif
    }

private:
    typename Body::shared* m_shared;
};

template <class Body>
__global__ void __launch_bounds__(Body::threads) run_on_cuda(Body const body) {
    __shared__ typename Body::shared shared;
    cuda_block<Body> block{shared};
    body.run(block);
}

/// While it lives, this thread works on the first device. A program that uses another one finds that again.
class on_first_device {
public:
    on_first_device() noexcept {
        if (cudaGetDevice(&m_before) == cudaSuccess && m_before != 0)
            static_cast<void>(cudaSetDevice(0)); // the calls that follow say what is wrong
    }
    ~on_first_device() {
        if (m_before != 0)
            static_cast<void>(cudaSetDevice(m_before));
    }
    on_first_device(on_first_device const&) = delete;
    on_first_device& operator=(on_first_device const&) = delete;

private:
    int m_before = 0;
};

/// True of errors that show in the call after the kernel that made them, and end all work on the device.
[[nodiscard]] inline bool comes_from_a_kernel(cudaError_t result) noexcept {
    return result == cudaErrorIllegalAddress || result == cudaErrorMisalignedAddress ||
           result == cudaErrorInvalidAddressSpace || result == cudaErrorInvalidPc ||
           result == cudaErrorIllegalInstruction || result == cudaErrorHardwareStackError ||
           result == cudaErrorAssert || result == cudaErrorLaunchTimeout || result == cudaErrorLaunchFailure;
}

/// Throws where a call of the CUDA runtime has failed. What the runtime remembers of it is cleared: it has been told.
inline void check_cuda(cudaError_t result, char const* call, char const* of, char const* file, int line) {
    if (result == cudaSuccess)
        return;
    static_cast<void>(cudaGetLastError());
    std::string text{"hookcam::cuda: "};
    text += call;
    text += " must succeed";
    if (*of != '\0') {
        text += " for the kernel ";
        text += of;
    }
    text += "; CUDA says: ";
    text += cudaGetErrorString(result);
    if (comes_from_a_kernel(result))
        text += "; a kernel before may be the cause: with CUDA_LAUNCH_BLOCKING=1 in the environment, the one "
                "named is";
    text += result == cudaErrorMemoryAllocation ? "; take a smaller batch (" : " (";
    text += file;
    text += ':';
    text += std::to_string(line);
    text += ')';
    throw error{error_kind::device, text};
}

} // namespace hookcam::detail

/// Throws `hookcam::error` with the call and the place where a call of the CUDA runtime fails.
#define HOOKCAM_CUDA_CHECK(call) ::hookcam::detail::check_cuda((call), #call, "", __FILE__, __LINE__)

namespace hookcam {

template <class Body>
void cuda::launch(kernel_grid const& grid, Body const& body) const {
    static_assert(detail::kernel_body_must_be_plain<Body>::value);
    detail::check_grid<Body>(grid);
    if (grid.count() == 0)
        return;
    dim3 const blocks{static_cast<unsigned>(grid.x), static_cast<unsigned>(grid.y),
                      static_cast<unsigned>(grid.z)};
    detail::on_first_device const device;
    void* arguments[] = {const_cast<Body*>(&body)}; // read, and copied
    // What it returns is of this kernel: the last error may be of another call of the program's.
    auto const result = cudaLaunchKernel(&detail::run_on_cuda<Body>, blocks, dim3{Body::threads}, arguments,
                                         0, static_cast<cudaStream_t>(stream->handle()));
    detail::check_cuda(result, "cudaLaunchKernel", Body::name, __FILE__, __LINE__);
}

} // namespace hookcam

/// Compiles a kernel for the GPU, with the function that starts it. At namespace scope.
#define HOOKCAM_CUDA_KERNEL(...)                                                                             \
    template void ::hookcam::cuda::launch<__VA_ARGS__>(::hookcam::kernel_grid const&, __VA_ARGS__ const&)    \
        const
