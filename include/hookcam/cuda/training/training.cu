#include "../launch.cuh"
#include "adam_step.hpp"
#include "numbers.hpp"
#include "rmsprop_step.hpp"
#include "sgd_step.hpp"

HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::set_zero_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::accumulate_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::blend_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::scale_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::clamp_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::norm_part);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::sgd_element>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::adam_element<false>>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::adam_element<true>>);
HOOKCAM_CUDA_KERNEL(hookcam::kernels::each_element<hookcam::kernels::rmsprop_element>);
