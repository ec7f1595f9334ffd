#include "../../cuda/launch.cuh"
#include "../elementwise_cuda.hpp"
#include "silu_cpu.hpp"

HOOKCAM_CUDA_FUNCTION(hookcam::kernels::silu);
