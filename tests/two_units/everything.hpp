#pragma once

#include <hookcam/autograd.hpp>
#include <hookcam/hookcam.hpp>
#ifdef WITH_IO
#include <hookcam/io.hpp>
#endif
#ifdef WITH_TRAIN
#include <hookcam/train.hpp>
#endif
#ifdef WITH_DATA
#include <hookcam/data.hpp>
#endif
#ifdef WITH_VIZ
#include <hookcam/viz.hpp>
#endif
#ifdef WITH_OPENCV
#include <hookcam/opencv.hpp>
#endif
