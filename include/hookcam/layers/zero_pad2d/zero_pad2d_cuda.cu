#include "../../cuda/launch.cuh"
#include "zero_pad2d_cuda.hpp"

HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::zero_pad2d_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::zero_pad2d_backward_element>);
