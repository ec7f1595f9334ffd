#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace compare {

/// Something that does a work: we, a peer, or a limit of the machine.
class runner {
public:
    runner() = default;
    runner(runner const&) = delete;
    runner& operator=(runner const&) = delete;
    virtual ~runner() = default;

    /// Does the work once uncounted, so that the caches hold its own memory again, then so many times.
    /// Returns the seconds of each.
    [[nodiscard]] virtual std::vector<double> run(std::size_t times) = 0;

    /// The largest difference between its results and ours, as a part of the largest number among ours.
    [[nodiscard]] virtual double difference() = 0;

    /// What it is: name and version.
    [[nodiscard]] virtual std::string version() const { return {}; }
};

} // namespace compare
