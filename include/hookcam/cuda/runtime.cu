#include "launch.cuh"

#include <cstdint>

// Everything here is weak: each library that links hookcam::cuda compiles this file, and several of them may be linked
// into one program.
#define HOOKCAM_CUDA_WEAK __attribute__((weak))

namespace hookcam {

// Static, and not in a namespace without a name: nvcc gives what is in there a name that other files can see.

/// Does nothing: a kernel to ask CUDA for.
struct nothing_element {
    static constexpr char const* name = "nothing";
    HOOKCAM_DEVICE void operator()(std::size_t) const {}
};

/// What CUDA says of the first device: success where it is there and can run this program's kernels.
static cudaError_t find_device() noexcept {
    int count = 0;
    auto result = cudaGetDeviceCount(&count);
    if (result == cudaSuccess && count == 0)
        result = cudaErrorNoDevice;
    if (result == cudaSuccess) {
        detail::on_first_device const device;
        cudaFuncAttributes attributes{};
        result =
            cudaFuncGetAttributes(&attributes, &detail::run_on_cuda<kernels::each_element<nothing_element>>);
    }
    if (result != cudaSuccess)
        static_cast<void>(cudaGetLastError()); // an answer is no error
    return result;
}

/// 13000 is 13.0.
static std::string cuda_version(int number) {
    return std::to_string(number / 1000) + '.' + std::to_string(number % 1000 / 10);
}

static std::string reason_of(cudaError_t result) {
    std::string text{cudaGetErrorString(result)};
    if (result == cudaErrorInsufficientDriver) {
        int driver = 0, program = 0;
        static_cast<void>(cudaDriverGetVersion(&driver));
        static_cast<void>(cudaRuntimeGetVersion(&program));
        text += driver == 0 ? " (there is no driver" : " (the driver is for CUDA ";
        text += driver == 0 ? std::string{} : cuda_version(driver);
        text += ", the program is for CUDA ";
        text += cuda_version(program) + ')';
    } else if (result == cudaErrorNoKernelImageForDevice || result == cudaErrorInvalidDeviceFunction ||
               result == cudaErrorUnsupportedPtxVersion) {
        cudaDeviceProp properties{};
        static_cast<void>(cudaGetDeviceProperties(&properties, 0));
        text += " (compile for this ";
        text += properties.name;
        text += ": CMAKE_CUDA_ARCHITECTURES must have ";
        text += std::to_string(properties.major) + std::to_string(properties.minor) + ')';
    }
    return text;
}

static cudaMemPool_t pool_of_device() {
    cudaMemPool_t pool = nullptr;
    HOOKCAM_CUDA_CHECK(cudaDeviceGetDefaultMemPool(&pool, 0));
    return pool;
}

/// Throws where there is no device, and lets the pool of the first keep memory between calls.
static void use_device() {
    if (auto const result = find_device(); result != cudaSuccess) {
        std::string text{"hookcam::cuda: there must be an NVIDIA GPU and its driver; CUDA says: "};
        text += reason_of(result);
        text += "; run the model on the cpu instead";
        throw error{error_kind::device, text};
    }
    static bool const keeps_memory = [] {
        std::uint64_t everything = UINT64_MAX;
        HOOKCAM_CUDA_CHECK(
            cudaMemPoolSetAttribute(pool_of_device(), cudaMemPoolAttrReleaseThreshold, &everything));
        return true;
    }();
    static_cast<void>(keeps_memory);
}

static cudaStream_t stream_of(void* handle) {
    return static_cast<cudaStream_t>(handle);
}

/// True where what is copied from here may be read after the call that copies it: where it is pinned, and where the
/// device reads all of the program's memory by itself.
static bool may_be_read_later(void const* from) {
    static bool const reads_all = [] {
        int value = 0;
        HOOKCAM_CUDA_CHECK(cudaDeviceGetAttribute(&value, cudaDevAttrPageableMemoryAccess, 0));
        return value != 0;
    }();
    if (reads_all)
        return true;
    cudaPointerAttributes attributes{};
    HOOKCAM_CUDA_CHECK(cudaPointerGetAttributes(&attributes, from));
    return attributes.type != cudaMemoryTypeUnregistered;
}

HOOKCAM_CUDA_WEAK bool has_cuda_device() noexcept {
    return find_device() == cudaSuccess;
}

HOOKCAM_CUDA_WEAK std::string cuda_device_problem() {
    auto const result = find_device();
    return result == cudaSuccess ? std::string{} : reason_of(result);
}

HOOKCAM_CUDA_WEAK std::string cuda_device_name() {
    use_device();
    cudaDeviceProp properties{};
    HOOKCAM_CUDA_CHECK(cudaGetDeviceProperties(&properties, 0));
    return properties.name;
}

namespace detail {

HOOKCAM_CUDA_WEAK void* make_cuda_stream() {
    on_first_device const device;
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
    on_first_device const device; // an event is of the device of its streams
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
    on_first_device const device;
    HOOKCAM_CUDA_CHECK(cudaDeviceSynchronize());
}

HOOKCAM_CUDA_WEAK void* allocate_cuda(void* handle, std::size_t bytes) {
    on_first_device const device;
    void* made = nullptr;
    auto result = cudaMallocAsync(&made, bytes, stream_of(handle));
    if (result == cudaErrorMemoryAllocation) {
        // The pool keeps what was released, in pieces, and some of it until other streams are done.
        static_cast<void>(cudaGetLastError());
        HOOKCAM_CUDA_CHECK(cudaDeviceSynchronize());
        HOOKCAM_CUDA_CHECK(cudaMemPoolTrimTo(pool_of_device(), 0));
        result = cudaMallocAsync(&made, bytes, stream_of(handle));
    }
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
    if (bytes == 0)
        return;
    on_first_device const device;
    HOOKCAM_CUDA_CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_of(handle)));
    if (may_be_read_later(from))
        HOOKCAM_CUDA_CHECK(cudaStreamSynchronize(stream_of(handle)));
}

HOOKCAM_CUDA_WEAK void copy_out_of_cuda(void* handle, void* to, void const* from, std::size_t bytes) {
    if (bytes == 0)
        return;
    on_first_device const device;
    HOOKCAM_CUDA_CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_of(handle)));
    HOOKCAM_CUDA_CHECK(cudaStreamSynchronize(stream_of(handle)));
}

HOOKCAM_CUDA_WEAK void copy_in_cuda(void* handle, void* to, void const* from, std::size_t bytes) {
    if (bytes == 0)
        return;
    on_first_device const device;
    HOOKCAM_CUDA_CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_of(handle)));
}

HOOKCAM_CUDA_WEAK void* allocate_pinned(std::size_t bytes) {
    on_first_device const device;
    void* made = nullptr;
    HOOKCAM_CUDA_CHECK(cudaMallocHost(&made, bytes));
    return made;
}

HOOKCAM_CUDA_WEAK void release_pinned(void* handle, void* block) noexcept {
    static_cast<void>(cudaStreamSynchronize(stream_of(handle)));
    static_cast<void>(cudaFreeHost(block));
}

HOOKCAM_CUDA_WEAK void start_copy_into_cuda(void* handle, void* to, void const* from, std::size_t bytes) {
    if (bytes == 0)
        return;
    on_first_device const device;
    HOOKCAM_CUDA_CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_of(handle)));
}

HOOKCAM_CUDA_WEAK void* make_cuda_event() {
    on_first_device const device;
    cudaEvent_t made = nullptr;
    HOOKCAM_CUDA_CHECK(cudaEventCreateWithFlags(&made, cudaEventDisableTiming));
    return made;
}

HOOKCAM_CUDA_WEAK void release_cuda_event(void* event) noexcept {
    static_cast<void>(cudaEventDestroy(static_cast<cudaEvent_t>(event)));
}

HOOKCAM_CUDA_WEAK void record_cuda_event(void* event, void* handle) {
    on_first_device const device;
    HOOKCAM_CUDA_CHECK(cudaEventRecord(static_cast<cudaEvent_t>(event), stream_of(handle)));
}

HOOKCAM_CUDA_WEAK void wait_for_cuda_event(void* event) {
    HOOKCAM_CUDA_CHECK(cudaEventSynchronize(static_cast<cudaEvent_t>(event)));
}

HOOKCAM_CUDA_WEAK void begin_cuda_recording(void* handle) {
    on_first_device const device;
    // What other threads do with streams of theirs is no concern of this recording.
    HOOKCAM_CUDA_CHECK(cudaStreamBeginCapture(stream_of(handle), cudaStreamCaptureModeThreadLocal));
}

HOOKCAM_CUDA_WEAK void* end_cuda_recording(void* handle) {
    on_first_device const device;
    cudaGraph_t graph = nullptr;
    HOOKCAM_CUDA_CHECK(cudaStreamEndCapture(stream_of(handle), &graph));
    cudaGraphExec_t made = nullptr;
    auto const result = cudaGraphInstantiateWithFlags(&made, graph, 0);
    static_cast<void>(cudaGraphDestroy(graph));
    check_cuda(result, "cudaGraphInstantiateWithFlags", "", __FILE__, __LINE__);
    return made;
}

HOOKCAM_CUDA_WEAK void drop_cuda_recording(void* handle) noexcept {
    cudaGraph_t graph = nullptr;
    if (cudaStreamEndCapture(stream_of(handle), &graph) == cudaSuccess && graph != nullptr)
        static_cast<void>(cudaGraphDestroy(graph));
    static_cast<void>(cudaGetLastError());
}

HOOKCAM_CUDA_WEAK void start_cuda_recording(void* graph, void* handle) {
    on_first_device const device;
    HOOKCAM_CUDA_CHECK(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), stream_of(handle)));
}

HOOKCAM_CUDA_WEAK void release_cuda_recording(void* graph) noexcept {
    // What runs still is not stopped by it.
    static_cast<void>(cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph)));
}

} // namespace detail

} // namespace hookcam
