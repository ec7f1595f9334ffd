#include "../../cuda/launch.cuh"
#include "adaptive_max_pool2d_cuda.hpp"

HOOKCAM_CUDA_KERNEL(hookcam::kernels::adaptive_max_pool2d_part);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::adaptive_max_pool2d_backward_element>);
