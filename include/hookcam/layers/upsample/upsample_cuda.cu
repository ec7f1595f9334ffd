#include "../../cuda/launch.cuh"
#include "upsample_cuda.hpp"

HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::upsample_nearest_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::upsample_nearest_backward_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::upsample_bilinear_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::upsample_bilinear_backward_element>);
