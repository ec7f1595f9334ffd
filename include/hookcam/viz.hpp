#pragma once

/// Looking at what was found: colour maps, overlays, figures, PNG files. Needs Cairo and libpng (the target
/// `hookcam::viz`).

#include "viz/colormap.hpp"
#include "viz/figure.hpp"
#include "viz/overlay.hpp"
#include "viz/panel.hpp"
#include "viz/png.hpp"
