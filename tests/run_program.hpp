#pragma once

#include "temporary_folder.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/wait.h>

/// What a program left behind.
struct program_result {
    int status; ///< its exit status
    std::string output;
    std::string errors;
};

/// Runs a program in a folder, by default that of the test, with nothing to read.
inline program_result run_program(std::string const& program, std::vector<std::string> const& arguments,
                                  std::filesystem::path const& in = ".") {
    temporary_folder const folder;
    auto const quoted = [](std::string const& text) {
        std::string result = "'";
        for (char const c : text)
            result += c == '\'' ? std::string{"'\\''"} : std::string{c};
        return result + "'";
    };
    auto const text_of = [](std::filesystem::path const& path) {
        std::ifstream file{path, std::ios::binary};
        return std::string{std::istreambuf_iterator<char>{file}, {}};
    };
    std::string command = "cd " + quoted(in.string()) + " && " + quoted(program);
    for (auto const& argument : arguments)
        command += ' ' + quoted(argument);
    command +=
        " </dev/null >" + quoted((folder / "output").string()) + " 2>" + quoted((folder / "errors").string());
    int const status = std::system(command.c_str());
    if (!WIFEXITED(status))
        throw std::runtime_error{"did not end by itself: " + command};
    return {WEXITSTATUS(status), text_of(folder / "output"), text_of(folder / "errors")};
}
