#include "../../cuda/launch.cuh"
#include "group_norm_cuda.hpp"

HOOKCAM_CUDA_KERNEL(hookcam::kernels::group_norm_group);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::group_norm_backward_group_body);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::group_norm_measure);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::group_norm_parameters_channel);
