#pragma once

/// Pictures and data sets: reading PNG, JPEG and CIFAR-10, and bringing pictures to a network's input.
/// Needs libpng and libjpeg (the target `hookcam::data`).

#include "data/cifar10.hpp"
#include "data/decode_jpeg.hpp"
#include "data/decode_png.hpp"
#include "data/image_file.hpp"
#include "data/image_tensor.hpp"
#include "data/limits.hpp"
#include "data/normalize.hpp"
#include "data/picture.hpp"
#include "data/resize.hpp"
