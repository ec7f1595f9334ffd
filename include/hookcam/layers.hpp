#pragma once

// Every layer of the library.
#include "layers/adaptive_avg_pool2d/adaptive_avg_pool2d.hpp"
#include "layers/avg_pool2d/avg_pool2d.hpp"
#include "layers/batch_norm2d/batch_norm2d.hpp"
#include "layers/conv2d/conv2d.hpp"
#include "layers/dropout/dropout.hpp"
#include "layers/flatten/flatten.hpp"
#include "layers/identity/identity.hpp"
#include "layers/layer.hpp"
#include "layers/linear/linear.hpp"
#include "layers/max_pool2d/max_pool2d.hpp"
#include "layers/pad_shortcut/pad_shortcut.hpp"
#include "layers/relu/relu.hpp"
#include "layers/softmax/softmax.hpp"
