#include "../../cuda/launch.cuh"
#include "../elementwise_cuda.hpp"
#include "elu_cpu.hpp"

HOOKCAM_CUDA_FUNCTION(hookcam::kernels::elu);
