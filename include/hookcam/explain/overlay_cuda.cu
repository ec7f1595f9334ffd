#include "../cuda/launch.cuh"
#include "overlay_cuda.hpp"

HOOKCAM_CUDA_KERNEL(hookcam::kernels::prepare_overlay);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::overlay_pixels<hookcam::kernels::given_heat>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::overlay_pixels<hookcam::kernels::raw_heat>);
