#pragma once

#include <string>

namespace hookcam::detail {

/// Sizes as messages have them: `1x3x32x32`.
template <class Sizes>
[[nodiscard]] std::string shape_text(Sizes const& shape) {
    std::string text;
    for (auto const size : shape) {
        if (!text.empty())
            text += 'x';
        text += std::to_string(size);
    }
    return text;
}

} // namespace hookcam::detail
