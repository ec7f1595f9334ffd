#include "../../cuda/launch.cuh"
#include "pad_shortcut_cuda.hpp"

HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::pad_shortcut_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::pad_shortcut_backward_element>);
