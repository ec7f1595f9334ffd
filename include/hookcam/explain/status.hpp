#pragma once

#include <string_view>

namespace hookcam {

/// What a class activation map says.
enum class cam_status {
    ok,                   ///< the raw map is positive somewhere, and not the same everywhere
    no_positive_evidence, ///< the raw map is zero everywhere: nothing in the layer speaks for the target
    flat,                 ///< the raw map is positive, but the same everywhere
};

/// `ok`, `no_positive_evidence`, `flat`
[[nodiscard]] constexpr std::string_view to_string(cam_status status) noexcept {
    switch (status) {
    case cam_status::no_positive_evidence:
        return "no_positive_evidence";
    case cam_status::flat:
        return "flat";
    default:
        return "ok";
    }
}

} // namespace hookcam
