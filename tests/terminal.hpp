#pragma once

#include <boost/test/unit_test.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/// A terminal without a window: what is written to `stream` is read by `text`.
struct terminal {
    int master = ::posix_openpt(O_RDWR | O_NOCTTY);
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream{nullptr, std::fclose};

    explicit terminal(unsigned short columns) {
        BOOST_REQUIRE(master >= 0);
        BOOST_REQUIRE_EQUAL(::grantpt(master), 0);
        BOOST_REQUIRE_EQUAL(::unlockpt(master), 0);
        stream.reset(std::fopen(::ptsname(master), "w"));
        BOOST_REQUIRE(stream != nullptr);
        ::winsize const size{.ws_row = 24, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
        BOOST_REQUIRE_EQUAL(::ioctl(master, TIOCSWINSZ, &size), 0);
    }
    terminal(terminal const&) = delete;
    terminal& operator=(terminal const&) = delete;
    ~terminal() { ::close(master); }

    /// What was written since the last call.
    std::string text() const {
        std::string all;
        ::pollfd wait{.fd = master, .events = POLLIN, .revents = 0};
        while (::poll(&wait, 1, 50) == 1 && (wait.revents & POLLIN) != 0) {
            std::array<char, 512> block{};
            auto const count = ::read(master, block.data(), block.size());
            if (count <= 0) {
                break;
            }
            all.append(block.data(), static_cast<std::size_t>(count));
        }
        return all;
    }
};
