#include "../cuda/launch.cuh"
#include "heatmap_cuda.hpp"

HOOKCAM_CUDA_KERNEL(hookcam::kernels::grad_cam_weight);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::grad_cam_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::resize_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::normalize_map_image);
