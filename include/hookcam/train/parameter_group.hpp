#pragma once

#include <string>

namespace hookcam {

/// The parameters that an optimiser treats alike.
template <class Options>
struct parameter_group {
    std::string
        path; ///< of a layer or composite, with all below it, or a parameter's key; where several fit, the longest
    Options options; ///< instead of the optimiser's own
};

} // namespace hookcam
