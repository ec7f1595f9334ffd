#pragma once

#include <hookcam/io/state_dict.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

namespace compare {

/// The largest difference between `found` and `expected`, as a part of the largest number in `expected`;
/// infinite where the sizes differ or a number is none.
[[nodiscard]] inline double relative_difference(std::span<float const> expected,
                                                std::span<float const> found) {
    if (expected.size() != found.size())
        return std::numeric_limits<double>::infinity();
    double largest = 0, difference = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        double const off = std::abs(double{expected[i]} - double{found[i]});
        if (std::isnan(off))
            return std::numeric_limits<double>::infinity();
        difference = std::max(difference, off);
        largest = std::max(largest, std::abs(double{expected[i]}));
    }
    return difference == 0 ? 0 : difference / largest;
}

/// The same over all tensors of `expected`, each by itself; infinite where one is missing.
[[nodiscard]] inline double relative_difference(hookcam::state_dict const& expected,
                                                hookcam::state_dict const& found) {
    double difference = 0;
    for (auto const& [key, entry] : expected) {
        auto const* const other = found.find(key);
        if (other == nullptr)
            return std::numeric_limits<double>::infinity();
        difference = std::max(difference, relative_difference(entry.to<float>(), other->to<float>()));
    }
    return difference;
}

} // namespace compare
