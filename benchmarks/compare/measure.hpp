#pragma once

#include "runner.hpp"
#include "work.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace compare {

/// One work against one peer. Times are medians in microseconds, ratios those of the peer's time over ours.
struct row {
    std::string work;
    std::string peer;
    std::size_t threads = 1;
    double ours_us = 0;
    double peer_us = 0;
    double ratio_min = 0;
    double ratio_median = 0;
    double ratio_max = 0;
    bool agrees = false;
    double difference = 0; ///< of the results, as a part of the largest number
    double floor_us = 0;   ///< operations over the machine's peak, and bytes over its bandwidth
};

/// Why a peer is not among the rows.
using missing_peers = std::map<std::string, std::string>;

/// Runs a work and its peers in turn, ours, peer, ours, peer …, so many rounds, and measures the machine's
/// limits in each. A ratio is that of two neighbours, whatever the machine does beside them. A peer that
/// breaks off goes to `missing`.
[[nodiscard]] std::vector<row> measure(std::string const& name, work& ours,
                                       std::map<std::string, std::unique_ptr<runner>> peers,
                                       std::size_t threads, std::size_t rounds, missing_peers& missing);

} // namespace compare
