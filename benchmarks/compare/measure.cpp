#include "measure.hpp"

#include "machine.hpp"
#include "process_peer.hpp"
#include "timed.hpp"

#include <algorithm>
#include <utility>

namespace compare {

namespace {

/// How long a turn lasts, in seconds, where a run is not longer.
constexpr double turn = 0.03;

double median(std::vector<double> values) {
    auto const middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// We ourselves, as one of the runners.
class our_runner final : public runner {
public:
    explicit our_runner(work& of) : m_of{of} {}
    std::vector<double> run(std::size_t times) override {
        return timed(times, [&] { m_of.run(); });
    }
    double difference() override { return 0; }

private:
    work& m_of;
};

/// A runner, and how often it runs in a turn.
class contestant {
public:
    explicit contestant(runner& who) : m_who{&who} {
        constexpr std::size_t most = 500;
        double const once = median(who.run(3));
        m_times = std::clamp<std::size_t>(static_cast<std::size_t>(turn / once), 1, most);
    }

    /// The median of a turn.
    [[nodiscard]] double take_turn() { return median(m_who->run(m_times)); }

private:
    runner* m_who;
    std::size_t m_times = 1;
};

/// A peer's side of the rounds.
struct opponent {
    std::string name;
    contestant player;
    row found;
    std::vector<double> ours, theirs, ratios;
};

} // namespace

std::vector<row> measure(std::string const& name, work& of,
                         std::map<std::string, std::unique_ptr<runner>> peers, std::size_t threads,
                         std::size_t rounds, missing_peers& missing) {
    our_runner ours{of};
    contestant us{ours};
    std::vector<opponent> opponents;
    for (auto const& [peer, runner] : peers) {
        try {
            row found{.work = name, .peer = peer, .threads = threads, .difference = runner->difference()};
            found.agrees = found.difference <= of.tolerance();
            opponents.push_back({peer, contestant{*runner}, std::move(found), {}, {}, {}});
        } catch (missing_peer const& why) {
            missing[peer] = why.what();
        }
    }

    auto const [operations, bytes] = of.least();
    std::vector<double> floors;
    for (std::size_t round = 0; round < rounds; ++round) {
        floors.push_back(operations / fma_peak(threads) +
                         bytes / read_bandwidth(static_cast<std::size_t>(bytes), threads));
        std::erase_if(opponents, [&](opponent& against) {
            try {
                double const a = us.take_turn();
                double const b = against.player.take_turn();
                against.ours.push_back(a);
                against.theirs.push_back(b);
                against.ratios.push_back(b / a);
                return false;
            } catch (missing_peer const& why) {
                missing[against.name] = why.what();
                return true;
            }
        });
    }

    std::vector<row> rows;
    for (auto& against : opponents) {
        auto& found = rows.emplace_back(std::move(against.found));
        found.ours_us = median(against.ours) * 1e6;
        found.peer_us = median(against.theirs) * 1e6;
        found.ratio_median = median(against.ratios);
        found.ratio_min = std::ranges::min(against.ratios);
        found.ratio_max = std::ranges::max(against.ratios);
        found.floor_us = median(floors) * 1e6;
    }
    return rows;
}

} // namespace compare
