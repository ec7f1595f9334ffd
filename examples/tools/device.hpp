#pragma once

#include "command_line.hpp"

namespace tools {

/// Where a network runs.
enum class device {
    cpu,
    cuda, ///< an NVIDIA GPU
};

/// The option itself.
inline constexpr option device_option{"--device", "cpu|cuda", false};

/// Its value; the processor where it is not given. Throws `wrong_use` where it is none of these, and where it is `cuda` and
/// the program was built without nvcc, or the machine has no GPU.
[[nodiscard]] device find_device(command_line const& line);

} // namespace tools
