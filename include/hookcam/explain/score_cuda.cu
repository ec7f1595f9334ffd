#include "../cuda/launch.cuh"
#include "score_cuda.hpp"

HOOKCAM_CUDA_KERNEL(hookcam::kernels::choose_logit);
