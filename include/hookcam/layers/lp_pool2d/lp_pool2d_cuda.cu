#include "../../cuda/launch.cuh"
#include "lp_pool2d_cuda.hpp"

HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::lp_pool2d_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::lp_pool2d_backward_element>);
