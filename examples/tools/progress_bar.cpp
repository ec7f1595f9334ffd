#include "progress_bar.hpp"

#include <cstdio>
#include <string>

#include <unistd.h>

namespace tools {

progress_bar::progress_bar(std::size_t total) : m_total{total}, m_is_terminal{isatty(STDERR_FILENO) == 1} {
    show(0);
}

void progress_bar::finish() {
    if (m_is_terminal)
        std::fputs("\r\033[K", stderr); // back to the left, and the rest of the line is erased
    m_is_terminal = false;
}

void progress_bar::show(std::size_t done) {
    auto const percent = m_total == 0 ? 100 : done * 100 / m_total;
    if (!m_is_terminal || percent == m_percent)
        return;
    m_percent = percent;
    constexpr std::size_t width = 40;
    auto const filled = percent * width / 100;
    auto const bar = std::string(filled, '#') + std::string(width - filled, '.');
    std::fprintf(stderr, "\r[%s] %3zu %%, %zu of %zu", bar.c_str(), percent, done, m_total);
    std::fflush(stderr);
}

} // namespace tools
