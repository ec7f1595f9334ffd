#include "../../cuda/launch.cuh"
#include "../elementwise_cuda.hpp"
#include "sigmoid_cpu.hpp"

HOOKCAM_CUDA_FUNCTION(hookcam::kernels::sigmoid);
