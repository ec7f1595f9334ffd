#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>

/// What both programs share: each prints a line `what nanoseconds`, for the script or the reader to put side by side.
namespace timing {

inline constexpr int chain = 100; ///< operations in a row

/// The least of many short runs, in nanoseconds: what the code takes where nothing else runs.
template <class Function>
double least(Function const& function, double seconds = 1.0) {
    using clock = std::chrono::steady_clock;
    double best = 1e30;
    auto const end = clock::now() + std::chrono::duration<double>{seconds};
    do {
        auto const begin = clock::now();
        function();
        best = std::min(best, std::chrono::duration<double, std::nano>{clock::now() - begin}.count());
    } while (clock::now() < end);
    return best;
}

template <class Function>
void report(char const* what, int operations, Function const& function) {
    std::printf("%-28s %10.1f\n", what, least(function) / operations);
    std::fflush(stdout);
}

} // namespace timing
