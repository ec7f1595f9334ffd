#include "../../cuda/launch.cuh"
#include "../elementwise_cuda.hpp"
#include "tanh_cpu.hpp"

HOOKCAM_CUDA_FUNCTION(hookcam::kernels::tanh);
