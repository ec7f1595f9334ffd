#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tools {

/// A program was used wrongly. The text lists what there is.
class wrong_use : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The number that a text is, digits alone; none where it is something else or too large.
[[nodiscard]] std::optional<std::size_t> to_number(std::string_view text);

/// `--name VALUE`, or `--name` alone where the value's name is empty.
struct option {
    std::string_view name; ///< with its dashes
    std::string_view value;
    bool is_required = true;
};

/// The options of a call, each given once, in any order.
class command_line {
public:
    /// Throws `wrong_use` where an argument is no option, a value is missing, or a required option is.
    command_line(std::span<char const* const> arguments, std::span<option const> options);

    /// The value of an option that is required.
    [[nodiscard]] std::string const& text(std::string_view option) const {
        return m_values.find(option)->second;
    }

    [[nodiscard]] std::optional<std::string> find(std::string_view option) const;

    /// Whether an option is given, one without a value among them.
    [[nodiscard]] bool has(std::string_view option) const { return m_values.contains(option); }

    /// A number from `low` to `high`; throws `wrong_use` where something else is given.
    [[nodiscard]] std::optional<std::size_t> find_number(std::string_view option, std::size_t low,
                                                         std::size_t high) const;

    /// A number from `low` to `high` that need not be whole; throws `wrong_use` where something else is given.
    [[nodiscard]] std::optional<double> find_real(std::string_view option, double low, double high) const;

    /// The parts between the commas of an option's value, none where it is not given; throws `wrong_use` where
    /// a part stands twice.
    [[nodiscard]] std::vector<std::string> list(std::string_view option) const;

    /// A list of numbers from `low` to `high`; throws as `list` and `find_number` do.
    [[nodiscard]] std::vector<std::size_t> list_numbers(std::string_view option, std::size_t low,
                                                        std::size_t high) const;

    /// The file that a required option names; throws `wrong_use` where there is none, and lists what is in
    /// its folder.
    [[nodiscard]] std::string file(std::string_view option) const;

    /// The file that an option names, where it is given; throws as `file` does.
    [[nodiscard]] std::optional<std::string> find_file(std::string_view option) const;

    /// The folder that a required option names; throws as `file` does.
    [[nodiscard]] std::string folder(std::string_view option) const;

    /// What a required option names, where it may be either; throws as `file` does.
    [[nodiscard]] std::string file_or_folder(std::string_view option) const;

private:
    std::map<std::string, std::string, std::less<>> m_values;
};

/// Runs a program and returns its exit status: 0; 2 where it was used wrongly; 1 where it failed otherwise.
/// What it throws is told in one line on stderr. `--help` prints how it is used.
int run_tool(std::string_view name, std::span<option const> options, std::span<char const* const> arguments,
             std::function<void(command_line const&)> const& run);

} // namespace tools
