#include "../../cuda/launch.cuh"
#include "conv2d_cuda.hpp"

HOOKCAM_CUDA_KERNEL(hookcam::kernels::large_product_tile<hookcam::kernels::conv2d_forward_product>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::small_product_tile<hookcam::kernels::conv2d_forward_product>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::large_product_tile<hookcam::kernels::conv2d_backward_product>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::small_product_tile<hookcam::kernels::conv2d_backward_product>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::large_product_tile<hookcam::kernels::conv2d_weights_product>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::small_product_tile<hookcam::kernels::conv2d_weights_product>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::sum_of_parts_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::channel_sums);
