#pragma once

// Weight files, and arrays as .npy files: what the target hookcam::io adds.
#include "io/load.hpp"
#include "io/load_state_dict.hpp"
#include "io/npy.hpp"
#include "io/pth.hpp"
#include "io/read_weights.hpp"
#include "io/safetensors.hpp"
#include "io/save.hpp"
#include "io/state_dict.hpp"
#include "io/to_state_dict.hpp"
#include "io/write_pth.hpp"
#include "io/write_safetensors.hpp"
