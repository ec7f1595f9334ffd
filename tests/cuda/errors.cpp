#include "errors_kernels.hpp"

#include <hookcam/core/error.hpp>
#include <hookcam/cuda/cuda.hpp>
#include <hookcam/tensor/memory.hpp>

#include <cstdlib>
#include <initializer_list>
#include <iostream>
#include <string>

namespace hc = hookcam;

namespace {

bool holds = true;

void check(bool that, std::string const& what) {
    std::cout << (that ? "ok: " : "FAILED: ") << what << '\n';
    holds = holds && that;
}

bool has_all(std::string const& text, std::initializer_list<char const*> words) {
    for (char const* word : words)
        if (text.find(word) == std::string::npos)
            return false;
    return true;
}

} // namespace

// Errors of the CUDA runtime: a kernel is not blamed for what failed before it, and one that fails is named. That ends the
// device's work for this process, so it comes last.
int main() {
    ::setenv("CUDA_LAUNCH_BLOCKING", "1", 1); // read when CUDA is first called
    if (!hc::has_cuda_device()) {
        std::cout << "skipped: there is no GPU; CUDA says: " << hc::cuda_device_problem() << '\n';
        return 77;
    }
    hc::cuda_stream stream;
    hc::memory<float> there(300, &stream);
    hc::cuda const device{&stream};

    fail_elsewhere();
    try {
        hc::kernels::for_each_element(device, 300, one_element{there.data()});
        float last = 0;
        stream.copy_out(&last, there.data() + 299, sizeof last);
        check(last == 1.0f, "a kernel after another call that failed");
    } catch (hc::error const& e) {
        check(false, e.what());
    }

    try {
        hc::kernels::for_each_element(device, 300, astray_element{nullptr});
        check(false, "a kernel that writes to nowhere must throw");
    } catch (hc::error const& e) {
        check(e.kind() == hc::error_kind::device &&
                  has_all(e.what(), {"cudaLaunchKernel", "astray", "launch.cuh:"}),
              e.what());
    }
    try {
        stream.synchronize();
        check(false, "the device must not go on as if nothing had been");
    } catch (hc::error const& e) {
        check(has_all(e.what(), {"cudaStreamSynchronize", "runtime.cu:"}), e.what());
    }
    std::cout.flush();
    std::_Exit(holds ? 0 : 1); // nothing can be released any more
}
