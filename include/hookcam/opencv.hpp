#pragma once

/// OpenCV's pictures in and out: `cv::Mat` to a picture or to a network's input, pictures, heatmaps and
/// overlays to `cv::Mat`. Needs OpenCV's core, version 4, and what `hookcam/viz.hpp` needs (the target
/// `hookcam::opencv`).

#include "opencv/image_tensor.hpp"
#include "opencv/overlay.hpp"
#include "opencv/to_mat.hpp"
#include "opencv/to_picture.hpp"
