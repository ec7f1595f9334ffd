#include "../cuda/launch.cuh"
#include "joins_cuda.hpp"

HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::add_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::copy_part_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::multiply_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::multiply_and_sum_share);
