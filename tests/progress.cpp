#define BOOST_TEST_MODULE progress
#include <boost/test/unit_test.hpp>

#include <hookcam/core/progress.hpp>

#include "temporary_folder.hpp"
#include "terminal.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace hc = hookcam;

namespace {

using file = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

std::string drawn(hc::detail::progress_state const& state, std::size_t columns) {
    return std::string{hc::detail::draw_progress(state, columns).text()};
}

struct with_a_terminal {
    with_a_terminal() { ::setenv("TERM", "xterm", 1); }
};

} // namespace

BOOST_TEST_GLOBAL_FIXTURE(with_a_terminal);

BOOST_AUTO_TEST_CASE(a_line_says_how_far_how_fast_and_how_long) {
    hc::detail::progress_state state{"epoch 1", 313, 782, 95.23, 3.3, "loss 1.234"};
    BOOST_TEST(drawn(state, 90) ==
               "epoch 1  40 % [############....................] 313 of 782, 95.2/s, 0:05 left, loss 1.234");
    BOOST_TEST(drawn(state, 90).size() == 90); // what the rest leaves
    state.done = 782;
    state.label = {};
    BOOST_TEST(drawn(state, 200) ==
               "100 % [########################################] 782 of 782, 95.2/s, 0:03, loss 1.234");
    state = {"", 0, 782, 0, 0, ""};
    BOOST_TEST(drawn(state, 200) == "  0 % [........................................] 0 of 782");
    state = {"", 1, 4, 0.0001, 10000, ""};
    BOOST_TEST(drawn(state, 200) ==
               " 25 % [##########..............................] 1 of 4, 0.00/s, 8:20:00 left");
}

BOOST_AUTO_TEST_CASE(no_line_is_longer_than_the_terminal) {
    hc::detail::progress_state const state{"größer", 313, 782, 95.23, 3.3, "Verlust 1,234 — so weit"};
    BOOST_TEST(drawn(state, 8) == "größer  "); // columns, not bytes
    BOOST_TEST(drawn(state, 5) == "größe");
    for (std::size_t columns = 0; columns < 120; ++columns) {
        auto const line = drawn(state, columns);
        std::size_t characters = 0;
        for (char const c : line) {
            characters += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
        }
        BOOST_TEST(characters <= columns);
    }
    BOOST_TEST(drawn({"two\nlines\033[2J", 0, 1, 0, 0, ""}, 14) == "two lines [2J ");
    BOOST_TEST(drawn({"", 0, 1, 0, 0, std::string(5000, 'x')}, 3000).size() <= 1024u);
}

BOOST_AUTO_TEST_CASE(a_terminal_sees_one_line_that_is_redrawn) {
    terminal const screen{60};
    {
        hc::progress_bar bar{10, {.label = "epoch 1"}, screen.stream.get()};
        BOOST_TEST(bar.visible());
        BOOST_TEST(screen.text().empty());
        bar.advance("loss 2.5");
        auto const first = screen.text();
        BOOST_TEST(first.starts_with("\repoch 1  10 % ["));
        BOOST_TEST(first.ends_with("\033[K"));
        BOOST_TEST(first.find('\n') == std::string::npos);
        // At most ten times a second, however often it is called.
        auto const begin = std::chrono::steady_clock::now();
        while (std::chrono::steady_clock::now() - begin < std::chrono::milliseconds{350}) {
            bar.show(3, "loss 2.4");
        }
        auto const tenths = (std::chrono::steady_clock::now() - begin) / std::chrono::milliseconds{100};
        auto const redrawn = screen.text();
        BOOST_TEST(std::ranges::count(redrawn, '\r') >= 1);
        BOOST_TEST(std::ranges::count(redrawn, '\r') <= tenths + 1);
        BOOST_TEST(redrawn.find("] 3 of 10") != std::string::npos);
        bar.erase();
        BOOST_TEST(screen.text() == "\r\033[K");
        bar.show(10); // the end is always shown
        BOOST_TEST(screen.text().find("] 10 of 10") != std::string::npos);
    }
    BOOST_TEST(screen.text() == "\r\033[K");
}

BOOST_AUTO_TEST_CASE(a_line_may_stay) {
    terminal const screen{60};
    {
        hc::progress_bar bar{2, {.label = "", .keep = true}, screen.stream.get()};
        bar.show(2);
    }
    BOOST_TEST(screen.text().ends_with("\033[K\r\n")); // the terminal's own \r
    {
        hc::progress_bar bar{
            2, {.label = "", .keep = true}, screen.stream.get()}; // never shown: nothing stays
    }
    BOOST_TEST(screen.text().empty());
}

BOOST_AUTO_TEST_CASE(what_was_done_before_does_not_count_for_the_rate) {
    terminal const screen{100};
    hc::progress_bar bar{2000000, {}, screen.stream.get()};
    bar.start_at(1000000);
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    bar.advance();
    auto const line = screen.text();
    BOOST_TEST(line.find("1000001 of 2000000, ") != std::string::npos, line);
    BOOST_TEST(std::stod(line.substr(line.find("2000000, ") + 9)) <= 50.0, line); // one in 20 ms at least
}

BOOST_AUTO_TEST_CASE(a_pipe_and_a_dumb_terminal_see_nothing) {
    temporary_folder const folder;
    {
        file const stream{std::fopen((folder / "log").c_str(), "w"), std::fclose};
        hc::progress_bar bar{2, {.label = "", .keep = true}, stream.get()};
        BOOST_TEST(!bar.visible());
        bar.show(1);
        bar.erase();
        bar.advance("text");
    }
    BOOST_TEST(std::filesystem::file_size(folder / "log") == 0u);

    ::setenv("TERM", "dumb", 1);
    terminal const screen{60};
    hc::progress_bar bar{2, {}, screen.stream.get()};
    bar.show(1);
    BOOST_TEST(!bar.visible());
    BOOST_TEST(screen.text().empty());
    ::setenv("TERM", "xterm", 1);
}
