#include "machine.hpp"

#include <dlfcn.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>

extern char** environ;

namespace compare {

namespace {

/// The processors that this process may run on.
cpu_set_t allowed_processors() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        throw std::runtime_error{std::string{"the processors cannot be asked for: "} + std::strerror(errno)};
    return allowed;
}

/// Keeps the last ones of those that are allowed: the first one often serves the machine's interrupts.
/// Returns whether anything changed.
bool pin(std::size_t threads) {
    auto wanted = allowed_processors();
    auto surplus = static_cast<std::size_t>(CPU_COUNT(&wanted));
    if (surplus < threads)
        throw std::runtime_error{"there must be a processor for every thread; this program may use " +
                                 std::to_string(surplus)};
    surplus -= threads;
    if (surplus == 0)
        return false;
    for (std::size_t i = 0; surplus > 0; ++i)
        if (CPU_ISSET(i, &wanted)) {
            CPU_CLR(i, &wanted);
            --surplus;
        }
    if (sched_setaffinity(0, sizeof wanted, &wanted) != 0)
        throw std::runtime_error{std::string{"the threads cannot be pinned: "} + std::strerror(errno)};
    return true;
}

/// The same for the environment.
bool clear_blas_settings(std::size_t threads) {
    std::vector<std::string> others;
    std::string const count = std::to_string(threads);
    for (char** entry = environ; *entry != nullptr; ++entry) {
        std::string_view const text{*entry};
        auto const name = text.substr(0, text.find('='));
        bool const is_known = name == "OPENBLAS_NUM_THREADS" && text.substr(name.size() + 1) == count;
        if ((name.starts_with("OPENBLAS_") || name == "OMP_NUM_THREADS") && !is_known)
            others.emplace_back(name);
    }
    for (auto const& name : others)
        unsetenv(name.c_str());
    bool const has_threads = std::getenv("OPENBLAS_NUM_THREADS") != nullptr;
    setenv("OPENBLAS_NUM_THREADS", count.c_str(), 1);
    return !others.empty() || !has_threads;
}

/// What stands behind the first `key` and its colon in a file of /proc, or else `otherwise`.
std::string proc_entry(char const* file, std::string_view key, std::string otherwise) {
    std::ifstream in{file};
    for (std::string line; std::getline(in, line);)
        if (line.starts_with(key))
            return line.substr(line.find(':') + 2);
    return otherwise;
}

/// What a BLAS says of itself through a function of OpenBLAS; nothing where it is another.
std::string ask_blas(char const* function) {
    auto* const found = dlsym(RTLD_DEFAULT, function);
    if (found == nullptr)
        return "unknown";
    return reinterpret_cast<char* (*)()>(found)();
}

std::string instruction_set() {
#if defined(__AVX512F__)
    return "AVX-512";
#elif defined(__AVX2__)
    return "AVX2";
#elif defined(__AVX__)
    return "AVX";
#elif defined(__SSE2__)
    return "SSE2";
#elif defined(__ARM_NEON)
    return "NEON";
#else
    return "unknown";
#endif
}

} // namespace

void settle(char** arguments, std::size_t threads) {
    bool const moved = pin(threads);
    bool const cleared = clear_blas_settings(threads);
    if (!moved && !cleared)
        return;
    execv("/proc/self/exe", arguments);
    throw std::runtime_error{std::string{"the program cannot start itself again: "} + std::strerror(errno)};
}

std::vector<std::string> describe_machine() {
    auto const processors = allowed_processors();
    std::ostringstream processor, load;
    processor << "processor: " << proc_entry("/proc/cpuinfo", "model name", "unknown") << ", "
              << sysconf(_SC_NPROCESSORS_ONLN) << " online, used here:";
    for (std::size_t i = 0; i < CPU_SETSIZE; ++i)
        if (CPU_ISSET(i, &processors))
            processor << ' ' << i;
    double average = 0;
    std::ifstream{"/proc/loadavg"} >> average;
    load << "load in the last minute: " << average << " (an idle machine has 0)";
    return {processor.str(), load.str(),
            "BLAS: " + ask_blas("openblas_get_config") + ", core " + ask_blas("openblas_get_corename"),
            "compiler: " HOOKCAM_COMPILER ", " HOOKCAM_FLAGS ", instruction set " + instruction_set()};
}

} // namespace compare
