#include "command_line.hpp"

#include <hookcam/core/error.hpp>

#include <algorithm>
#include <charconv>
#include <exception>
#include <filesystem>
#include <iostream>
#include <set>
#include <sstream>
#include <system_error>

namespace tools {

namespace {

namespace fs = std::filesystem;

std::string in_quotes(std::string_view text) {
    return '"' + std::string{text} + '"';
}

std::string usage(std::span<option const> options) {
    std::string text;
    for (auto const& [name, value, is_required] : options) {
        auto const pair = std::string{name} + (value.empty() ? "" : " ") + std::string{value};
        text += (text.empty() ? "" : " ") + (is_required ? pair : '[' + pair + ']');
    }
    return text;
}

/// What the nearest folder that is there holds, or the first of it.
std::string contents_of(fs::path folder) {
    std::error_code failure;
    folder = fs::weakly_canonical(fs::absolute(folder, failure), failure);
    while (!fs::is_directory(folder, failure) && folder != folder.parent_path())
        folder = folder.parent_path();
    std::set<std::string> names;
    for (fs::directory_iterator at{folder, failure}, end; !failure && at != end; at.increment(failure))
        names.insert(at->path().filename().string() + (at->is_directory(failure) ? "/" : ""));
    std::string text = "the folder " + in_quotes(folder.string()) + " holds";
    constexpr std::size_t most = 20;
    std::size_t count = 0;
    for (auto const& name : names)
        if (++count <= most)
            text += ' ' + name;
    if (count == 0)
        text += " nothing";
    if (count > most)
        text += " and " + std::to_string(count - most) + " more";
    return text;
}

std::size_t number_of(std::string_view option, std::string_view text, std::size_t low, std::size_t high) {
    auto const number = to_number(text);
    if (!number || *number < low || *number > high)
        throw wrong_use{std::string{option} + " must be a number from " + std::to_string(low) + " to " +
                        std::to_string(high) + "; it is " + in_quotes(text)};
    return *number;
}

wrong_use stands_twice(std::string_view option, std::string_view part, std::string_view text) {
    return wrong_use{std::string{option} + " must name each once; " + in_quotes(part) + " stands twice in " +
                     in_quotes(text)};
}

/// One line, whatever names and texts it is made of.
void tell(std::string_view tool, std::string text) {
    std::ranges::replace_if(
        text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
    std::cerr << tool << ": " << text << '\n';
}

} // namespace

std::optional<std::size_t> to_number(std::string_view text) {
    std::size_t number = 0;
    auto const* const end = text.data() + text.size();
    auto const [stop, failure] = std::from_chars(text.data(), end, number);
    return failure == std::errc{} && stop == end ? std::optional{number} : std::nullopt;
}

command_line::command_line(std::span<char const* const> arguments, std::span<option const> options) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        std::string_view const name{arguments[i]};
        auto const known = std::ranges::find(options, name, &option::name);
        if (known == options.end())
            throw wrong_use{in_quotes(name) + " is no option; use it as: " + usage(options)};
        bool const is_alone = known->value.empty();
        if (!is_alone && i + 1 == arguments.size())
            throw wrong_use{std::string{name} + " needs a value; use it as: " + usage(options)};
        if (!m_values.emplace(name, is_alone ? "" : arguments[++i]).second)
            throw wrong_use{std::string{name} + " is given twice; use it as: " + usage(options)};
    }
    for (auto const& [name, value, is_required] : options)
        if (is_required && !m_values.contains(name))
            throw wrong_use{std::string{name} + " is missing; use it as: " + usage(options)};
}

std::optional<std::string> command_line::find(std::string_view option) const {
    auto const found = m_values.find(option);
    return found == m_values.end() ? std::nullopt : std::optional{found->second};
}

std::optional<std::size_t> command_line::find_number(std::string_view option, std::size_t low,
                                                     std::size_t high) const {
    auto const text = find(option);
    return text ? std::optional{number_of(option, *text, low, high)} : std::nullopt;
}

std::optional<double> command_line::find_real(std::string_view option, double low, double high) const {
    auto const text = find(option);
    if (!text)
        return std::nullopt;
    double number = 0;
    auto const* const end = text->data() + text->size();
    auto const [stop, failure] = std::from_chars(text->data(), end, number);
    if (failure != std::errc{} || stop != end || !(number >= low && number <= high)) {
        std::ostringstream range;
        range << low << " to " << high;
        throw wrong_use{std::string{option} + " must be a number from " + range.str() + "; it is " +
                        in_quotes(*text)};
    }
    return number;
}

std::vector<std::string> command_line::list(std::string_view option) const {
    std::vector<std::string> parts;
    auto const text = find(option);
    for (std::size_t begin = 0; text && begin <= text->size();) {
        auto const end = std::min(text->find(',', begin), text->size());
        auto const part = text->substr(begin, end - begin);
        if (std::ranges::find(parts, part) != parts.end())
            throw stands_twice(option, part, *text);
        parts.push_back(part);
        begin = end + 1;
    }
    return parts;
}

std::vector<std::size_t> command_line::list_numbers(std::string_view option, std::size_t low,
                                                    std::size_t high) const {
    std::vector<std::size_t> numbers;
    for (auto const& part : list(option)) {
        auto const number = number_of(option, part, low, high);
        if (std::ranges::find(numbers, number) != numbers.end()) // as in 3,03
            throw stands_twice(option, part, text(option));
        numbers.push_back(number);
    }
    return numbers;
}

std::string command_line::file(std::string_view option) const {
    return *find_file(option);
}

std::optional<std::string> command_line::find_file(std::string_view option) const {
    auto name = find(option);
    std::error_code failure;
    if (name && (!fs::exists(*name, failure) || fs::is_directory(*name, failure)))
        throw wrong_use{std::string{option} + " must be a file; " + in_quotes(*name) + " is none, " +
                        contents_of(*name)};
    return name;
}

std::string command_line::folder(std::string_view option) const {
    auto const& name = text(option);
    std::error_code failure;
    if (!fs::is_directory(name, failure))
        throw wrong_use{std::string{option} + " must be a folder; " + in_quotes(name) + " is none, " +
                        contents_of(name)};
    return name;
}

std::string command_line::file_or_folder(std::string_view option) const {
    auto const& name = text(option);
    std::error_code failure;
    if (!fs::exists(name, failure))
        throw wrong_use{std::string{option} + " must be a file or a folder; " + in_quotes(name) +
                        " is none, " + contents_of(name)};
    return name;
}

int run_tool(std::string_view name, std::span<option const> options, std::span<char const* const> arguments,
             std::function<void(command_line const&)> const& run) {
    try {
        if (!arguments.empty() && std::string_view{arguments[0]} == "--help")
            std::cout << "usage: " << name << ' ' << usage(options) << '\n';
        else
            run(command_line{arguments, options});
        if (!std::cout.flush())
            throw std::runtime_error{"the output cannot be written"};
        return 0;
    } catch (wrong_use const& error) {
        tell(name, error.what());
        return 2;
    } catch (hookcam::error const& error) {
        tell(name, error.what());
        return error.kind() == hookcam::error_kind::use ? 2 : 1;
    } catch (std::exception const& error) {
        tell(name, error.what());
        return 1;
    }
}

} // namespace tools
