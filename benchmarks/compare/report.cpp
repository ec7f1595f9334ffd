#include "report.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cstdio>
#include <fstream>
#include <stdexcept>

namespace compare {

namespace {

template <class... Values>
std::string format(char const* how, Values... values) {
    std::array<char, 240> line{};
    std::snprintf(line.data(), line.size(), how, values...);
    return line.data();
}

/// About four digits.
std::string microseconds(double value) {
    return format(value < 100 ? "%.2f" : value < 1000 ? "%.1f" : "%.0f", value);
}

} // namespace

std::string table_head() {
    return format("%-42s %-18s %10s %10s  %-22s %10s  %s", "work", "peer", "ours us", "peer us",
                  "peer/ours (min, max)", "floor us", "off by");
}

std::string table_line(row const& of) {
    auto const ratio = format("%.2f (%.2f, %.2f)", of.ratio_median, of.ratio_min, of.ratio_max);
    return format("%-42s %-18s %10s %10s  %-22s %10s  %.0e%s", of.work.c_str(), of.peer.c_str(),
                  microseconds(of.ours_us).c_str(), microseconds(of.peer_us).c_str(), ratio.c_str(),
                  microseconds(of.floor_us).c_str(), of.difference, of.agrees ? "" : ", TOO MUCH");
}

void write_json(std::filesystem::path const& file, std::span<row const> rows) {
    auto array = nlohmann::ordered_json::array();
    for (auto const& of : rows)
        array.push_back({{"work", of.work},
                         {"peer", of.peer},
                         {"threads", of.threads},
                         {"ours_us", of.ours_us},
                         {"peer_us", of.peer_us},
                         {"ratio_min", of.ratio_min},
                         {"ratio_median", of.ratio_median},
                         {"ratio_max", of.ratio_max},
                         {"agrees", of.agrees},
                         {"floor_us", of.floor_us}});
    std::ofstream out{file};
    out << array.dump(1) << '\n';
    if (!out.flush())
        throw std::runtime_error{"\"" + file.string() + "\" cannot be written"};
}

} // namespace compare
