#pragma once

/// Pictures and data sets: reading PNG, JPEG and CIFAR-10, bringing pictures to a network's input, and batches of them to
/// train on.
/// Needs libpng and libjpeg (the target `hookcam::data`).

#include "data/cifar10.hpp"
#include "data/cifar10_dataset.hpp"
#include "data/compose.hpp"
#include "data/data_loader.hpp"
#include "data/dataset.hpp"
#include "data/decode_jpeg.hpp"
#include "data/decode_png.hpp"
#include "data/image_file.hpp"
#include "data/image_folder.hpp"
#include "data/image_span.hpp"
#include "data/image_tensor.hpp"
#include "data/limits.hpp"
#include "data/normalize.hpp"
#include "data/normalize_channels.hpp"
#include "data/picture.hpp"
#include "data/random_crop.hpp"
#include "data/random_draws.hpp"
#include "data/random_horizontal_flip.hpp"
#include "data/resize.hpp"
#include "data/subset.hpp"
#include "data/to_tensor.hpp"
