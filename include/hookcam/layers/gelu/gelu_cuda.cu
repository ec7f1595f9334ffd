#include "../../cuda/launch.cuh"
#include "../elementwise_cuda.hpp"
#include "gelu_cpu.hpp"

HOOKCAM_CUDA_FUNCTION(hookcam::kernels::gelu);
HOOKCAM_CUDA_FUNCTION(hookcam::kernels::gelu_by_tanh);
