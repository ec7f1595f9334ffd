#include "device.hpp"

#if defined(TOOLS_HAVE_CUDA)
#include <hookcam/cuda/cuda.hpp>
#endif

namespace tools {

device find_device(command_line const& line) {
    auto const name = line.find("--device").value_or("cpu");
    if (name == "cpu")
        return device::cpu;
    if (name != "cuda")
        throw wrong_use{"--device must be cpu or cuda; it is \"" + name + '"'};
#if defined(TOOLS_HAVE_CUDA)
    if (auto const problem = hookcam::cuda_device_problem(); !problem.empty())
        throw wrong_use{
            "--device must be cpu on this machine, which has no GPU that can be used; CUDA says: " + problem};
    return device::cuda;
#else
    throw wrong_use{
        "--device must be cpu in this program, which was built without nvcc and has no kernels for GPUs"};
#endif
}

} // namespace tools
