#include "../../cuda/launch.cuh"
#include "../elementwise_cuda.hpp"
#include "leaky_relu_cpu.hpp"

HOOKCAM_CUDA_FUNCTION(hookcam::kernels::leaky_relu);
