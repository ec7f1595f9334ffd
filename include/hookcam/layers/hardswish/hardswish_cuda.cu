#include "../../cuda/launch.cuh"
#include "../elementwise_cuda.hpp"
#include "hardswish_cpu.hpp"

HOOKCAM_CUDA_FUNCTION(hookcam::kernels::hardswish);
