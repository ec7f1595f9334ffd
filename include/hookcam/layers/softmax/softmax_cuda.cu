#include "../../cuda/launch.cuh"
#include "softmax_cuda.hpp"

using hookcam::kernels::softmax_kind;

HOOKCAM_CUDA_KERNEL(hookcam::kernels::softmax_pixel<softmax_kind::probability>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::softmax_pixel<softmax_kind::logarithm>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::softmax_backward_pixel<softmax_kind::probability>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::softmax_backward_pixel<softmax_kind::logarithm>);
