#pragma once

#include <stdexcept>
#include <string>

#if !defined(__cpp_exceptions) || !defined(__cpp_rtti)
#error                                                                                                       \
    "hookcam reports errors by exceptions and erases run-time hooks by RTTI: compile without -fno-exceptions and -fno-rtti"
#endif

namespace hookcam {

/// What an error is about, for a program that reacts to it without reading its text.
enum class error_kind {
    shape,  ///< sizes that do not fit one another
    file,   ///< a file that is absent, broken, or of another format
    hook,   ///< a hook that returns something that cannot be used
    device, ///< a device that is absent, out of memory, or failing
    use,    ///< a wrong call: an unknown path, a wrong count of targets
};

/// The root of every exception that hookcam throws itself. The text reads
/// `hookcam::<entity>: what must hold; what to do`.
class error : public std::runtime_error {
public:
    /// An error of a kind; `what` is its text.
    error(error_kind kind, std::string const& what) : std::runtime_error{what}, m_kind{kind} {}

    /// What it is about.
    [[nodiscard]] error_kind kind() const noexcept { return m_kind; }

private:
    error_kind m_kind;
};

} // namespace hookcam
