#include "process_peer.hpp"

#include "difference.hpp"
#include "files.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

namespace compare {

namespace {

[[noreturn]] void become(std::vector<std::string> const& command, int input, int output, char const* log) {
    // A peer that is stopped would wait for ever if we ended before it.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0); // it and whatever it starts are stopped together, and its signals stay among them
    int const errors = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(input, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    std::vector<char*> arguments;
    for (auto const& argument : command)
        arguments.push_back(const_cast<char*>(argument.c_str())); // exec's old signature; it writes nothing
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    std::perror(arguments[0]);
    _exit(127);
}

} // namespace

process_peer::process_peer(std::string const& name, std::vector<std::string> const& command,
                           std::string const& work, std::filesystem::path const& folder,
                           hookcam::state_dict expected)
    : m_log{folder / (name + ".log")},
      m_results{folder / (name + ".safetensors")},
      m_expected{std::move(expected)} {
    int down[2], up[2];
    if (pipe2(down, O_CLOEXEC) != 0 || pipe2(up, O_CLOEXEC) != 0)
        throw std::runtime_error{"no pipe to a peer could be opened"};
    std::signal(SIGPIPE, SIG_IGN); // a peer that ends is told by its missing answer
    m_process = fork();
    if (m_process < 0)
        throw std::runtime_error{"no process for a peer could be made"};
    if (m_process == 0)
        become(command, down[0], up[1], m_log.c_str());
    setpgid(m_process, m_process); // in both processes, since either may be the first
    close(down[0]);
    close(up[1]);
    m_to = fdopen(down[1], "w");
    m_from = fdopen(up[0], "r");
    try {
        m_version = ask("load " + work + ' ' + folder.string(), "ready");
    } catch (...) {
        end();
        throw;
    }
}

process_peer::~process_peer() {
    end();
}

void process_peer::end() {
    std::fclose(m_to);
    std::fclose(m_from);
    kill(-m_process, SIGKILL); // it may be stopped, and has nothing to save
    waitpid(m_process, nullptr, 0);
}

std::string process_peer::ask(std::string const& command, std::string const& good) {
    kill(-m_process, SIGCONT);
    std::fprintf(m_to, "%s\n", command.c_str());
    std::fflush(m_to);
    std::string answer;
    for (int c = std::fgetc(m_from); c != EOF && c != '\n'; c = std::fgetc(m_from))
        answer += static_cast<char>(c);
    kill(-m_process, SIGSTOP);

    std::string_view rest{answer};
    auto const word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    if (word == good)
        return std::string{rest};
    if (word == "missing")
        throw missing_peer{std::string{rest}};
    throw missing_peer{word.empty() ? "it ended: " + last_words() : "it answered: " + answer};
}

std::string process_peer::last_words() const {
    std::ifstream log{m_log};
    std::string last = "without a word";
    for (std::string line; std::getline(log, line);)
        if (!line.empty())
            last = line;
    return last;
}

std::vector<double> process_peer::run(std::size_t times) {
    std::istringstream answer{ask("run " + std::to_string(times), "times")};
    std::vector<double> seconds;
    for (double taken = 0; answer >> taken;)
        seconds.push_back(taken);
    if (seconds.size() != times)
        throw missing_peer{"it was asked for " + std::to_string(times) + " runs, and told of " +
                           std::to_string(seconds.size())};
    return seconds;
}

double process_peer::difference() {
    ask("check " + m_results.string(), "done");
    return relative_difference(m_expected, read_tensors(m_results));
}

} // namespace compare
