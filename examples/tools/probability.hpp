#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

namespace tools {

/// The probability of a class by softmax. Shifted by the largest logit, so that no power overflows.
[[nodiscard]] inline double probability(std::span<float const> logits, std::size_t index) {
    double const largest = *std::ranges::max_element(logits);
    double sum = 0;
    for (double const logit : logits)
        sum += std::exp(logit - largest);
    return std::exp(logits[index] - largest) / sum;
}

} // namespace tools
