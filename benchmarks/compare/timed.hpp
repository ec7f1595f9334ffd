#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace compare {

/// The seconds of each of so many calls of `body`, after one that is not counted.
template <class Body>
[[nodiscard]] std::vector<double> timed(std::size_t times, Body&& body) {
    using clock = std::chrono::steady_clock;
    body();
    std::vector<double> seconds(times);
    for (auto& taken : seconds) {
        auto const begin = clock::now();
        body();
        taken = std::chrono::duration<double>(clock::now() - begin).count();
    }
    return seconds;
}

} // namespace compare
