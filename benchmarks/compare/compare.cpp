// Runs works of ours and of other libraries in turn and prints how they compare. docs/performance.md says
// how to read it.

#include "machine.hpp"
#include "measure.hpp"
#include "process_peer.hpp"
#include "report.hpp"
#include "work.hpp"

#include "../../examples/tools/command_line.hpp"

#include <hookcam/core/threads.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace fs = std::filesystem;
using namespace compare;

constexpr std::array<tools::option, 6> options{{
    {"--json", "FILE", false},
    {"--works", "LIST", false},
    {"--peers", "LIST", false},
    {"--threads", "N", false},
    {"--rounds", "N", false},
    {"--python", "FILE", false},
}};

/// Parts of a list between commas.
std::vector<std::string> split(std::string_view list) {
    std::vector<std::string> parts;
    while (!list.empty()) {
        auto const comma = std::min(list.find(','), list.size());
        parts.emplace_back(list.substr(0, comma));
        list.remove_prefix(std::min(list.size(), comma + 1));
    }
    return parts;
}

std::vector<work_entry> all_works() {
    std::vector<work_entry> works;
    add_simple_cnn(works);
    add_resnet20(works);
    add_squeezenet(works);
    add_resnet50(works);
    add_convolutions(works);
    return works;
}

/// The works that a list names, in its order: each by its name, or several by how their names begin.
std::vector<work_entry> chosen_works(std::string_view list) {
    auto const all = all_works();
    std::vector<work_entry> chosen;
    for (auto const& wanted : split(list)) {
        auto const before = chosen.size();
        for (auto const& entry : all)
            if (entry.name == wanted || entry.name.starts_with(wanted + '.'))
                chosen.push_back(entry);
        if (chosen.size() != before)
            continue;
        auto other = find_convolution(wanted);
        if (!other) {
            std::string there;
            for (auto const& entry : all)
                there += ' ' + entry.name;
            throw tools::wrong_use{"there is no work \"" + wanted +
                                   "\"; take some of these, or parts of their "
                                   "names up to a dot:" +
                                   there};
        }
        chosen.push_back(std::move(*other));
    }
    return chosen;
}

/// Takes out of the works all peers that a list does not name.
void keep_peers(std::vector<work_entry>& works, std::string_view list) {
    std::set<std::string_view> known;
    for (auto const& entry : all_works())
        known.insert(entry.peers.begin(), entry.peers.end());
    auto const wanted = split(list);
    for (auto const& name : wanted)
        if (!known.contains(name)) {
            std::string there;
            for (auto const peer : known)
                there.append(" ").append(peer);
            throw tools::wrong_use{"there is no peer \"" + name + "\"; take some of these:" + there};
        }
    for (auto& entry : works)
        std::erase_if(entry.peers,
                      [&](std::string_view peer) { return std::ranges::find(wanted, peer) == wanted.end(); });
}

/// A folder for the peers' files, gone at the end.
class temporary_folder {
public:
    temporary_folder() {
        auto name = (fs::temp_directory_path() / "hookcam_compare_XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr)
            throw std::runtime_error{"no temporary folder can be made beside \"" + name + '"'};
        m_path = name;
    }
    temporary_folder(temporary_folder const&) = delete;
    temporary_folder& operator=(temporary_folder const&) = delete;
    ~temporary_folder() {
        std::error_code ignored;
        fs::remove_all(m_path, ignored);
    }
    [[nodiscard]] fs::path const& path() const noexcept { return m_path; }

private:
    fs::path m_path;
};

/// The Python that has the peers: the one that is given, that of the folder made by benchmarks/peers/setup,
/// or any.
std::string python_of(tools::command_line const& line) {
    if (auto const given = line.find("--python"))
        return *given;
    auto const* const folder = std::getenv("HOOKCAM_PEERS");
    auto const python = fs::path{folder != nullptr ? folder : HOOKCAM_PEERS} / "bin" / "python";
    std::error_code failure;
    return fs::exists(python, failure) ? python.string() : "python3";
}

/// How a peer in a process of its own is started.
std::vector<std::string> command_of(std::string const& peer, std::string const& python, std::size_t threads) {
    auto const count = std::to_string(threads);
    if (peer == "libtorch" || peer == "dlib") {
        auto const program = fs::read_symlink("/proc/self/exe").parent_path() / ("compare_" + peer);
        if (!fs::exists(program))
            throw missing_peer{"it was not there when compare was built; see docs/performance.md"};
        return {program.string(), count};
    }
    return {python, "-B", HOOKCAM_SOURCE_DIR "/benchmarks/peers/serve.py", peer, count};
}

/// Peers by the reason why they are missing, each with its works.
class absences {
public:
    void add(std::string const& work, missing_peers const& missing) {
        for (auto const& [peer, reason] : missing)
            m_works[{peer, reason}].push_back(work);
    }
    void print(std::ostream& out) const {
        for (auto const& [key, works] : m_works) {
            out << "missing: " << key.first << " (" << key.second << ") for";
            for (auto const& work : works)
                out << ' ' << work;
            out << '\n';
        }
    }

private:
    std::map<std::pair<std::string, std::string>, std::vector<std::string>> m_works;
};

/// A line that the next one replaces, for someone who waits at a terminal.
void show_progress(std::string const& text) {
    if (isatty(STDERR_FILENO) != 0)
        std::cerr << "\r\033[K" << text << std::flush;
}

/// One work against its peers.
std::vector<row> compare_one(work_entry const& entry, std::string const& python, std::size_t threads,
                             std::size_t rounds, std::map<std::string, std::string>& versions,
                             missing_peers& missing, std::string& remark) {
    temporary_folder const folder;
    auto const ours = entry.make();
    ours->run();
    remark = ours->remark();
    bool is_written = false;
    std::map<std::string, std::unique_ptr<runner>> peers;
    for (auto const name : entry.peers) {
        std::string const peer{name};
        show_progress(entry.name + ": " + peer);
        try {
            auto own = ours->own_peer(peer, threads);
            if (own == nullptr) {
                auto const command = command_of(peer, python, threads);
                if (!std::exchange(is_written, true))
                    ours->write(folder.path());
                own =
                    std::make_unique<process_peer>(peer, command, entry.name, folder.path(), ours->results());
                versions[peer] = own->version();
            }
            peers.emplace(peer, std::move(own));
        } catch (missing_peer const& why) {
            missing[peer] = why.what();
        }
    }
    show_progress({});
    return measure(entry.name, *ours, std::move(peers), threads, rounds, missing);
}

void run(tools::command_line const& line, char** arguments, bool& all_agree) {
    auto const threads = line.find_number("--threads", 1, 1024).value_or(1);
    auto const rounds = line.find_number("--rounds", 1, 1000).value_or(11);
    auto works = line.find("--works") ? chosen_works(*line.find("--works")) : all_works();
    if (auto const list = line.find("--peers"))
        keep_peers(works, *list);
    settle(arguments, threads);
    hookcam::set_num_threads(threads); // that are pinned as this one is

    for (auto const& text : describe_machine())
        std::cout << text << '\n';
    std::cout << "threads: " << threads << ", rounds: " << rounds << "\n\n" << table_head() << '\n';
    auto const python = python_of(line);
    std::vector<row> rows;
    absences absent;
    std::map<std::string, std::string> versions;
    std::map<std::string, std::string> remarks;
    for (auto const& entry : works) {
        if (entry.peers.empty())
            continue;
        missing_peers missing;
        for (auto const& found :
             compare_one(entry, python, threads, rounds, versions, missing, remarks[entry.name])) {
            std::cout << table_line(found) << std::endl;
            rows.push_back(found);
        }
        absent.add(entry.name, missing);
    }
    std::cout << '\n';
    for (auto const& [peer, version] : versions)
        std::cout << "version: " << peer << ", " << version << '\n';
    for (auto const& [work, remark] : remarks)
        if (!remark.empty())
            std::cout << "memory: " << work << ", " << remark << '\n';
    absent.print(std::cout);
    if (auto const file = line.find("--json"))
        write_json(*file, rows);
    all_agree = std::ranges::all_of(rows, &row::agrees);
}

} // namespace

int main(int count, char** arguments) {
    bool all_agree = true;
    int const status =
        tools::run_tool("compare", options, std::span<char const* const>{arguments + 1, arguments + count},
                        [&](tools::command_line const& line) { run(line, arguments, all_agree); });
    return status != 0 ? status : all_agree ? 0 : 1;
}
