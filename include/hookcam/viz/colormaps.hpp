#pragma once

#include <array>
#include <string>
#include <string_view>

#include "../core/error.hpp"
#include "colormap.hpp"
#include "turbo.hpp"
#include "viridis.hpp"

namespace hookcam {

/// A colour map and matplotlib's name for it.
struct named_colormap {
    std::string_view name;   ///< such as `jet`
    colormap const* colours; ///< a constant
};

/// All colour maps that there are, in the order of their names.
inline constexpr std::array<named_colormap, 4> colormaps{
    {{"gray", &gray}, {"jet", &jet}, {"turbo", &turbo}, {"viridis", &viridis}}};

/// The colour map of a name, for programs that let their user choose. Throws `error_kind::use` where there is
/// none, and lists the names.
[[nodiscard]] inline colormap const& find_colormap(std::string_view name) {
    std::string names;
    for (auto const& known : colormaps) {
        if (known.name == name) {
            return *known.colours;
        }
        names += ' ' + std::string{known.name};
    }
    throw error{error_kind::use, "hookcam::find_colormap: a colour map must be one of" + names + "; \"" +
                                     std::string{name} + "\" is none"};
}

} // namespace hookcam
