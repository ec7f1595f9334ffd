#include "errors_kernels.hpp"

#include <hookcam/cuda/launch.cuh>

HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<one_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<astray_element>);

void fail_elsewhere() {
    static_cast<void>(cudaSetDevice(-1));
}
