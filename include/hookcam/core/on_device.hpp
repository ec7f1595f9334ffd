#pragma once

// For functions that kernels of a GPU call too. Every other compiler than nvcc sees nothing.

#if defined(__CUDACC__)
static_assert(__cplusplus >= 202002L, "hookcam::cuda: nvcc must be given -std=c++20");
/// Before a function that kernels call.
#define HOOKCAM_DEVICE __host__ __device__
#else
/// Before a function that kernels call.
#define HOOKCAM_DEVICE
#endif
#if defined(__CUDA_ARCH__)
/// Before a loop whose variables must become registers.
#define HOOKCAM_UNROLL _Pragma("unroll")
#else
/// Before a loop whose variables must become registers.
#define HOOKCAM_UNROLL
#endif
