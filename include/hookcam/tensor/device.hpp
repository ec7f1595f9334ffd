#pragma once

namespace hookcam {

/// The processor that runs this program; kernels are chosen by such a tag.
struct cpu {};

} // namespace hookcam
