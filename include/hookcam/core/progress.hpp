#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <sys/ioctl.h>
#include <unistd.h>

namespace hookcam {

namespace detail {

/// A line of text in memory of its own; what does not fit is cut.
class progress_line {
public:
    /// Of so many columns at most.
    explicit progress_line(std::size_t columns) : m_most{columns} {}

    void append(std::string_view text) {
        // A byte 10xxxxxx goes on with the character before it.
        auto const begins = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
        for (char const c : text) {
            if (begins(c) && ++m_columns > m_most) {
                m_full = true;
            }
            if (m_full || m_size == m_text.size()) {
                return;
            }
            m_text[m_size++] = c < ' ' && c >= 0 ? ' ' : c; // a control character would move the cursor
        }
    }

    template <class... Values>
    void append_number(char const* format, Values... values) {
        std::array<char, 64> text{};
        auto const size = std::snprintf(text.data(), text.size(), format, values...);
        append({text.data(), std::min(static_cast<std::size_t>(std::max(size, 0)), text.size() - 1)});
    }

    /// As 0:07, 12:34 or 1:02:03.
    void append_time(double seconds) {
        auto const whole = static_cast<long>(std::clamp(std::round(seconds), 0.0, 359999.0));
        if (whole >= 3600) {
            append_number("%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
        } else {
            append_number("%ld:%02ld", whole / 60, whole % 60);
        }
    }

    [[nodiscard]] std::string_view text() const { return {m_text.data(), m_size}; }
    [[nodiscard]] std::size_t columns() const { return m_columns; }

private:
    std::array<char, 1024> m_text{};
    std::size_t m_size = 0;
    std::size_t m_columns = 0;
    std::size_t m_most;
    bool m_full = false;
};

/// What a progress bar knows.
struct progress_state {
    std::string_view label;
    std::size_t done;
    std::size_t total;
    double rate;    ///< a second; 0: not known yet
    double elapsed; ///< in seconds
    std::string_view text;
};

/// `label  40 % [########............] 313 of 782, 95.2/s, 0:05 left, text`, of so many columns at most. The bar
/// takes what room the rest leaves, ten to forty columns.
inline progress_line draw_progress(progress_state const& state, std::size_t columns) {
    double const part =
        state.total == 0 ? 1.0
                         : std::min(1.0, static_cast<double>(state.done) / static_cast<double>(state.total));
    constexpr std::size_t unlimited = 1024;
    progress_line behind{unlimited};
    behind.append_number("] %zu of %zu", state.done, state.total);
    if (state.rate > 0) {
        behind.append_number(state.rate < 10    ? ", %.2f/s"
                             : state.rate < 100 ? ", %.1f/s"
                                                : ", %.0f/s",
                             state.rate);
    }
    if (state.done >= state.total) {
        behind.append(", ");
        behind.append_time(state.elapsed);
    } else if (state.rate > 0) {
        behind.append(", ");
        behind.append_time(static_cast<double>(state.total - state.done) / state.rate);
        behind.append(" left");
    }
    if (!state.text.empty()) {
        behind.append(", ");
        behind.append(state.text);
    }
    progress_line line{columns};
    if (!state.label.empty()) {
        line.append(state.label);
        line.append(" ");
    }
    line.append_number("%3.0f %% [", std::floor(part * 100));
    auto const taken = line.columns() + behind.columns();
    std::size_t const width = std::clamp<std::size_t>(columns > taken ? columns - taken : 0, 10, 40);
    auto const filled = static_cast<std::size_t>(part * static_cast<double>(width));
    for (std::size_t i = 0; i < width; ++i) {
        line.append(i < filled ? "#" : ".");
    }
    line.append(behind.text());
    return line;
}

} // namespace detail

/// What a progress bar shows besides numbers.
struct progress_options {
    std::string_view label{}; ///< in front; the text must outlive the bar
    bool keep = false;        ///< whether the last line stays, or is erased
};

/// Shows on a terminal how far a loop is: a bar, the rate, the time left, and a text such as the loss. The line is
/// drawn anew at most ten times a second, and allocates nothing. Where the stream is no terminal (a pipe, a file), or
/// one that cannot go back in a line (TERM is `dumb`), nothing is written at all.
///
///     hc::progress_bar bar{loader.size(), {.label = "epoch 1"}};
///     for (auto const& batch : loader) { …; bar.advance("loss 1.234"); }
class progress_bar {
public:
    /// A loop over `total` things, shown on `stream`, which must outlive this object.
    explicit progress_bar(std::size_t total, progress_options options = {}, std::FILE* stream = stderr)
        : m_total{total},
          m_options{options},
          m_stream{stream},
          m_visible{is_terminal(stream)} {}
    progress_bar(progress_bar const&) = delete;
    progress_bar& operator=(progress_bar const&) = delete;
    ~progress_bar() { finish(); }

    /// Whether anything is shown: a caller who formats a text may spare it otherwise.
    [[nodiscard]] bool visible() const noexcept { return m_visible; }

    /// So many are done before the loop begins, as when it is resumed: they do not count for the rate.
    void start_at(std::size_t done) {
        m_first = m_done = done;
        m_begin = clock::now();
    }

    /// So many of all are done. `text` is UTF-8, one line; what does not fit is cut.
    void show(std::size_t done, std::string_view text = {}) {
        m_done = done;
        if (!m_visible) {
            return;
        }
        auto const now = clock::now();
        if (m_drawn && done < m_total && now - m_last < std::chrono::milliseconds{100}) {
            return;
        }
        m_drawn = true;
        m_last = now;
        double const elapsed = std::chrono::duration<double>(now - m_begin).count();
        double const rate = done > m_first && elapsed > 0 ? static_cast<double>(done - m_first) / elapsed : 0;
        auto const line =
            detail::draw_progress({m_options.label, done, m_total, rate, elapsed, text}, columns());
        std::fputc('\r', m_stream);
        std::fwrite(line.text().data(), 1, line.text().size(), m_stream);
        std::fputs("\033[K", m_stream); // what is left of a longer line before
        std::fflush(m_stream);
    }

    /// One more is done.
    void advance(std::string_view text = {}) { show(m_done + 1, text); }

    /// Erases the line before something else is printed; the next `show` draws it again.
    void erase() {
        if (m_visible && m_drawn) {
            std::fputs("\r\033[K", m_stream);
            std::fflush(m_stream);
        }
        m_drawn = false;
    }

    /// The end: the line is erased, or stays where the options say so. Nothing is shown afterwards.
    void finish() {
        if (m_visible && m_drawn && m_options.keep) {
            std::fputc('\n', m_stream);
            std::fflush(m_stream);
        } else {
            erase();
        }
        m_visible = false;
    }

private:
    using clock = std::chrono::steady_clock;

    static bool is_terminal(std::FILE* stream) {
        char const* const kind = std::getenv("TERM");
        return ::isatty(::fileno(stream)) == 1 && !(kind != nullptr && std::string_view{kind} == "dumb");
    }

    /// How wide the terminal is, less the last column, where some begin a new line.
    [[nodiscard]] std::size_t columns() const {
        ::winsize size{};
        bool const known = ::ioctl(::fileno(m_stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
        return known ? size.ws_col - std::size_t{1} : 79;
    }

    std::size_t m_total;
    progress_options m_options;
    std::FILE* m_stream;
    bool m_visible;
    bool m_drawn = false;
    std::size_t m_first = 0;
    std::size_t m_done = 0;
    clock::time_point m_begin = clock::now();
    clock::time_point m_last{};
};

} // namespace hookcam
