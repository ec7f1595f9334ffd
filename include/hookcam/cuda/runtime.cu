#include "launch.cuh"

#include <cstdint>

// Everything here is weak: each library that links hookcam::cuda compiles this file, and several of them may be linked
// into one program.
#define HOOKCAM_CUDA_WEAK __attribute__((weak))

namespace hookcam {

// Static, and not in a namespace without a name: nvcc gives what is in there a name that other files can see.

/// Chooses the device for this thread, and lets its pool keep memory between calls.
static void use_device() {
    int count = 0;
    auto const result = cudaGetDeviceCount(&count);
    if (result != cudaSuccess || count == 0) {
        static_cast<void>(cudaGetLastError());
        std::string text{"hookcam::cuda: there must be an NVIDIA GPU and its driver; CUDA says: "};
        text += result == cudaSuccess ? "no device" : cudaGetErrorString(result);
        text += "; run the model on the cpu instead";
        throw error{error_kind::device, text};
    }
    HOOKCAM_CUDA_CHECK(cudaSetDevice(0));
    static bool const keeps_memory = [] {
        cudaMemPool_t pool = nullptr;
        HOOKCAM_CUDA_CHECK(cudaDeviceGetDefaultMemPool(&pool, 0));
        std::uint64_t everything = UINT64_MAX;
        HOOKCAM_CUDA_CHECK(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &everything));
        return true;
    }();
    static_cast<void>(keeps_memory);
}

static cudaStream_t stream_of(void* handle) {
    return static_cast<cudaStream_t>(handle);
}

HOOKCAM_CUDA_WEAK bool has_cuda_device() noexcept {
    int count = 0;
    bool const has = cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
    static_cast<void>(cudaGetLastError()); // the answer is no error
    return has;
}

HOOKCAM_CUDA_WEAK std::string cuda_device_name() {
    use_device();
    cudaDeviceProp properties{};
    HOOKCAM_CUDA_CHECK(cudaGetDeviceProperties(&properties, 0));
    return properties.name;
}

namespace detail {

HOOKCAM_CUDA_WEAK void* make_cuda_stream() {
    use_device();
    cudaStream_t made = nullptr;
    HOOKCAM_CUDA_CHECK(cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking));
    return made;
}

HOOKCAM_CUDA_WEAK void release_cuda_stream(void* handle) noexcept {
    static_cast<void>(cudaStreamSynchronize(stream_of(handle)));
    static_cast<void>(cudaStreamDestroy(stream_of(handle)));
}

HOOKCAM_CUDA_WEAK void wait_for_cuda(void* handle, void* other) {
    cudaEvent_t done = nullptr;
    HOOKCAM_CUDA_CHECK(cudaEventCreateWithFlags(&done, cudaEventDisableTiming));
    auto const recorded = cudaEventRecord(done, stream_of(other));
    auto const waits = recorded == cudaSuccess ? cudaStreamWaitEvent(stream_of(handle), done, 0) : recorded;
    static_cast<void>(cudaEventDestroy(done)); // goes when it has happened
    check_cuda(waits, "cudaStreamWaitEvent", "", __FILE__, __LINE__);
}

HOOKCAM_CUDA_WEAK void synchronize_cuda(void* handle) {
    HOOKCAM_CUDA_CHECK(cudaStreamSynchronize(stream_of(handle)));
}

HOOKCAM_CUDA_WEAK void synchronize_cuda_device() {
    HOOKCAM_CUDA_CHECK(cudaDeviceSynchronize());
}

HOOKCAM_CUDA_WEAK void* allocate_cuda(void* handle, std::size_t bytes) {
    void* made = nullptr;
    auto const result = cudaMallocAsync(&made, bytes, stream_of(handle));
    if (result == cudaErrorMemoryAllocation)
        static_cast<void>(cudaGetLastError()); // the device is well, and the next call must not see this
    check_cuda(result, "cudaMallocAsync", "", __FILE__, __LINE__);
    auto const cleared = cudaMemsetAsync(made, 0, bytes, stream_of(handle));
    if (cleared != cudaSuccess)
        release_cuda(handle, made);
    check_cuda(cleared, "cudaMemsetAsync", "", __FILE__, __LINE__);
    return made;
}

HOOKCAM_CUDA_WEAK void release_cuda(void* handle, void* block) noexcept {
    static_cast<void>(cudaFreeAsync(block, stream_of(handle)));
}

HOOKCAM_CUDA_WEAK void copy_into_cuda(void* handle, void* to, void const* from, std::size_t bytes) {
    // From memory that is not pinned, the call returns when all has been read.
    HOOKCAM_CUDA_CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_of(handle)));
}

HOOKCAM_CUDA_WEAK void copy_out_of_cuda(void* handle, void* to, void const* from, std::size_t bytes) {
    HOOKCAM_CUDA_CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_of(handle)));
    HOOKCAM_CUDA_CHECK(cudaStreamSynchronize(stream_of(handle)));
}

HOOKCAM_CUDA_WEAK void copy_in_cuda(void* handle, void* to, void const* from, std::size_t bytes) {
    HOOKCAM_CUDA_CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_of(handle)));
}

} // namespace detail

} // namespace hookcam
