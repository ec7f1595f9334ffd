#include "../../cuda/launch.cuh"
#include "batch_norm2d_cuda.hpp"

HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::batch_norm2d_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::batch_norm2d_backward_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::batch_norm2d_parameters_channel);
