#include "../../cuda/launch.cuh"
#include "../elementwise_cuda.hpp"
#include "relu6_cpu.hpp"

HOOKCAM_CUDA_FUNCTION(hookcam::kernels::relu6);
