#pragma once

#include "runner.hpp"

#include <hookcam/io/state_dict.hpp>

#include <sys/types.h>

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace compare {

/// A peer that is not there, or cannot do a work. The text says why.
class missing_peer : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A peer in a process of its own. It reads commands from its input, a line each, and answers with a line:
///
///     load WORK FOLDER   ready VERSION      has read weights and inputs from the folder
///     check FILE         done               has written its results to a safetensors file
///     run TIMES          times S S S …      the seconds of so many runs, after one that is not counted
///
/// or `missing REASON`. It ends with its input. While it is not asked it is stopped, and so is what it
/// started, so that no thread that still waits for work takes a processor from us.
class process_peer final : public runner {
public:
    /// Starts `command` and loads a work, whose files are in a folder; throws `missing_peer`. `expected` are
    /// our results.
    process_peer(std::string const& name, std::vector<std::string> const& command, std::string const& work,
                 std::filesystem::path const& folder, hookcam::state_dict expected);
    ~process_peer() override;

    std::vector<double> run(std::size_t times) override;
    double difference() override;
    std::string version() const override { return m_version; }

private:
    /// Sends a command and returns what follows the word that a good answer begins with.
    std::string ask(std::string const& command, std::string const& good);
    [[nodiscard]] std::string last_words() const;
    void end();

    std::filesystem::path m_log, m_results;
    hookcam::state_dict m_expected;
    pid_t m_process = -1;
    std::FILE* m_to = nullptr;
    std::FILE* m_from = nullptr;
    std::string m_version;
};

} // namespace compare
