#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

namespace hookcam::detail {

/// A mark of a scale: the number and how it is written.
struct tick {
    double value;
    std::string label;
};

/// Marks from `low` to `high` at round numbers (1, 2 or 5 times a power of ten apart), six intervals at most,
/// all written with the same number of decimals.
inline std::vector<tick> round_ticks(double low, double high) {
    auto const write = [](double value, char const* format, int decimals) {
        std::array<char, 64> text{};
        std::snprintf(text.data(), text.size(), format, decimals, value);
        return text[0] == '-' ? "−" + std::string{text.data() + 1} : std::string{text.data()};
    };
    double const extent = high - low;
    if (!(extent > 0) || !std::isfinite(extent)) {
        return {{low, write(low, "%.*g", 3)}};
    }
    double const decade = std::pow(10.0, std::floor(std::log10(extent / 6)));
    double step = decade * 10;
    for (double const factor : {5.0, 2.0, 1.0}) {
        step = extent / (decade * factor) <= 6 ? decade * factor : step;
    }
    int const decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
    bool const plain = decimals <= 4 && std::max(std::abs(low), std::abs(high)) < 1e5;
    std::vector<tick> ticks;
    double const slack = 1e-9; // a round end counts although its quotient is not
    for (double k = std::ceil(low / step - slack); k <= high / step + slack; ++k) {
        double const value = k == 0 ? 0.0 : k * step; // never "-0"
        ticks.push_back({value, plain ? write(value, "%.*f", decimals) : write(value, "%.*g", 3)});
    }
    return ticks;
}

} // namespace hookcam::detail
