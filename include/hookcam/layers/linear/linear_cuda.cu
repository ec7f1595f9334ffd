#include "../../cuda/launch.cuh"
#include "linear_cuda.hpp"

using hookcam::kernels::linear_product;

HOOKCAM_CUDA_KERNEL(hookcam::kernels::large_product_tile<linear_product<true, true>>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::small_product_tile<linear_product<true, true>>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::large_product_tile<linear_product<true, false>>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::small_product_tile<linear_product<true, false>>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::large_product_tile<linear_product<false, false>>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::small_product_tile<linear_product<false, false>>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::linear_row);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::linear_backward_row);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::column_sum_element>);
