#pragma once

namespace hookcam {

/// What a loss makes of the losses of its elements, as PyTorch's `reduction`.
enum class reduction {
    mean, ///< their mean; of a loss with class weights, the weighted mean
    sum,  ///< their sum
    none, ///< `values` are of interest; `value` and `gradient` are those of the sum
};

} // namespace hookcam
