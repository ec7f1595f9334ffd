#pragma once

/// Looking at what was found: colour maps, overlays, figures, PNG files. Needs Cairo, Pango and libpng (the target
/// `hookcam::viz`).

#include "viz/colormap.hpp"
#include "viz/colormaps.hpp"
#include "viz/feature_grid.hpp"
#include "viz/figure.hpp"
#include "viz/overlay.hpp"
#include "viz/overlay_grid.hpp"
#include "viz/panel.hpp"
#include "viz/png.hpp"
#include "viz/turbo.hpp"
#include "viz/viridis.hpp"
