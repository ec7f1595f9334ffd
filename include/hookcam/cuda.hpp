#pragma once

// Models on a GPU: `to<cuda>(model)`, and `emulated`, which runs the same kernels on the processor. A program that names
// `cuda` links hookcam::cuda, whose kernels nvcc compiles.
#include "cuda/cuda.hpp"
#include "cuda/emulated.hpp"
#include "cuda/fast_divisor.hpp"
#include "cuda/kernel.hpp"
#include "cuda/product.hpp"
#include "explain/grad_cam_on_device.hpp"
#include "plan/to.hpp"
#include "tensor/device_tensor.hpp"
#include "tensor/device_view.hpp"
