#include "../../cuda/launch.cuh"
#include "conv_transpose2d_cuda.hpp"

// What it shares with conv2d is compiled in conv2d_cuda.cu.
HOOKCAM_CUDA_KERNEL(hookcam::kernels::large_product_tile<hookcam::kernels::conv_transpose2d_product>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::small_product_tile<hookcam::kernels::conv_transpose2d_product>);
