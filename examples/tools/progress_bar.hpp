#pragma once

#include <cstddef>

namespace tools {

/// Shows on stderr how far a program is, where stderr is a terminal, and is gone in the end.
class progress_bar {
public:
    explicit progress_bar(std::size_t total);
    progress_bar(progress_bar const&) = delete;
    progress_bar& operator=(progress_bar const&) = delete;
    ~progress_bar() { finish(); }

    /// So many of all are done.
    void show(std::size_t done);

    /// Erases it, before something else is printed; it is not shown again.
    void finish();

private:
    std::size_t m_total;
    std::size_t m_percent = 101; ///< what is shown; nothing yet
    bool m_is_terminal;
};

} // namespace tools
