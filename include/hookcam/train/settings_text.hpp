#pragma once

#include <array>
#include <charconv>
#include <initializer_list>
#include <string>
#include <string_view>

namespace hookcam::detail {

/// A number that was chosen, and what it is where nobody chooses.
struct setting {
    std::string_view name;
    double value;
    double usual;
};

/// The shortest text that reads back as this number.
[[nodiscard]] inline std::string number_text(double number) {
    std::array<char, 32> digits{};
    return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr};
}

/// What was chosen, as it is written in a program: `step_lr{.step_size = 30}`.
[[nodiscard]] inline std::string settings_text(std::string_view name,
                                               std::initializer_list<setting> settings) {
    std::string text{name};
    text += '{';
    for (auto const& [field, value, usual] : settings) {
        if (value == usual)
            continue;
        text += text.back() == '{' ? "." : ", .";
        text += field;
        text += " = ";
        text += number_text(value);
    }
    return text += '}';
}

} // namespace hookcam::detail
