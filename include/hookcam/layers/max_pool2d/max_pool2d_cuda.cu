#include "../../cuda/launch.cuh"
#include "max_pool2d_cuda.hpp"

HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::max_pool2d_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::max_pool2d_backward_element>);
