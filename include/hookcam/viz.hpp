#pragma once

/// Looking at what was found: colour maps, overlays, figures, PNG files. Needs Cairo, Pango and libpng (the
/// target `hookcam::viz`). Pango brings GLib's headers, and they define macros without a prefix: `TRUE`,
/// `FALSE`, `MIN`, `MAX`, `ABS`, `CLAMP`.

#include "viz/colormap.hpp"
#include "viz/colormaps.hpp"
#include "viz/curves.hpp"
#include "viz/feature_grid.hpp"
#include "viz/figure.hpp"
#include "viz/filter_grid.hpp"
#include "viz/overlay.hpp"
#include "viz/overlay_figure.hpp"
#include "viz/overlay_on_device.hpp"
#include "viz/panel.hpp"
#include "viz/png.hpp"
#include "viz/turbo.hpp"
#include "viz/viridis.hpp"
