#include "../../cuda/launch.cuh"
#include "dropout_training_cuda.hpp"

HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::dropout_training_element>);
