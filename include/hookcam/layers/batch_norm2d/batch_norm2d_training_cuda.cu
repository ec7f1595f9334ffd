#include "../../cuda/launch.cuh"
#include "batch_norm2d_training_cuda.hpp"

HOOKCAM_CUDA_KERNEL(hookcam::kernels::batch_norm2d_measure_channel);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::batch_norm2d_training_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::batch_norm2d_training_sums_channel);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::batch_norm2d_training_backward_element>);
