#define BOOST_TEST_MODULE viz_curves
#include <boost/test/unit_test.hpp>

#include <hookcam/viz/curves.hpp>

#include "expect_error.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace hc = hookcam;

namespace {

constexpr hc::rgb first{31, 119, 180};
constexpr hc::rgb second{255, 127, 14};
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

struct region {
    std::size_t top = static_cast<std::size_t>(-1);
    std::size_t left = static_cast<std::size_t>(-1);
    std::size_t bottom = 0; // the last
    std::size_t right = 0;
    std::size_t count = 0;
};

/// Where pixels are of a colour.
region find(hc::picture const& in, hc::rgb colour, std::size_t from_row = 0, std::size_t to_row = 1000000) {
    region found;
    for (std::size_t y = from_row; y < std::min(in.height(), to_row); ++y) {
        for (std::size_t x = 0; x < in.width(); ++x) {
            if (in.at(y, x) == colour) {
                found.top = std::min(found.top, y);
                found.left = std::min(found.left, x);
                found.bottom = std::max(found.bottom, y);
                found.right = std::max(found.right, x);
                ++found.count;
            }
        }
    }
    return found;
}

/// The gray of the axes: they are the longest lines of it.
region axes_of(hc::picture const& in) {
    return find(in, {89, 89, 89});
}

std::vector<double> constant(std::size_t count, double value) {
    return std::vector<double>(count, value);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_line_is_where_its_numbers_are) {
    // 1000 × 500 pixels; marks are left out from 41 numbers on.
    auto const drawn = hc::curves("", {{.curves = {{.y = constant(101, 0.25)}}, .low = 0, .high = 1}},
                                  {.width = 10, .height = 5});
    BOOST_TEST(drawn.width() == 1000u);
    BOOST_TEST(drawn.height() == 500u);
    auto const axes = axes_of(drawn);
    auto const line = find(drawn, first);
    BOOST_TEST(line.count > 800u);
    double const height = static_cast<double>(axes.bottom - axes.top);
    double const width = static_cast<double>(axes.right - axes.left);
    double const middle = static_cast<double>(line.top + line.bottom) / 2;
    BOOST_TEST(std::abs(middle - (static_cast<double>(axes.bottom) - 0.25 * height)) <= 1.5);
    // From the first step to the last, each a fiftieth of the way from the axis's end.
    BOOST_TEST(std::abs(static_cast<double>(line.left - axes.left) - width / 52) <= 2.5);
    BOOST_TEST(std::abs(static_cast<double>(axes.right - line.right) - width / 52) <= 2.5);

    // Steps of one's own: the second curve has a half of the room, and lies above the first.
    std::vector<double> late;
    for (int i = 0; i <= 50; ++i) {
        late.push_back(50 + i);
    }
    auto const two =
        hc::curves("", {{.curves = {{.y = constant(101, 1)}, {.x = late, .y = constant(51, 2)}}}},
                   {.width = 10, .height = 5});
    auto const below = find(two, first);
    auto const above = find(two, second);
    BOOST_TEST(above.bottom < below.top);
    BOOST_TEST(above.right == below.right);
    BOOST_TEST(
        std::abs(static_cast<double>(above.left) - static_cast<double>(below.left + below.right) / 2) <= 3.0);
}

BOOST_AUTO_TEST_CASE(what_is_outside_the_axes_is_not_drawn) {
    auto const drawn = hc::curves("", {{.curves = {{.y = constant(101, 5)}}, .low = 0, .high = 1}});
    BOOST_TEST(find(drawn, first).count == 0u);
    auto const steep = hc::curves("", {{.curves = {{.y = {0.5, 1e300, -1e300, 0.5}}}, .low = 0, .high = 1}});
    auto const axes = axes_of(steep);
    auto const line = find(steep, first);
    BOOST_TEST(line.top >= axes.top);
    BOOST_TEST(line.bottom <= axes.bottom);
    BOOST_TEST(line.count > 0u);
}

BOOST_AUTO_TEST_CASE(a_number_that_is_none_breaks_the_line) {
    auto numbers = constant(101, 1);
    for (std::size_t i = 40; i <= 60; ++i) {
        numbers[i] = i % 2 == 0 ? not_a_number : std::numeric_limits<double>::infinity();
    }
    auto const drawn = hc::curves("", {{.curves = {{.y = numbers}}}}, {.width = 10, .height = 5});
    auto const line = find(drawn, first);
    auto const column = [&](double step) {
        return line.left + static_cast<std::size_t>(step / 100 * static_cast<double>(line.right - line.left));
    };
    std::size_t const row = (line.top + line.bottom) / 2;
    BOOST_TEST((drawn.at(row, column(38)) == first));
    BOOST_TEST((drawn.at(row, column(62)) == first));
    for (int step = 42; step < 60; ++step) {
        BOOST_TEST((drawn.at(row, column(step)) != first));
    }
    // Nothing but such numbers, and nothing at all.
    BOOST_TEST(find(hc::curves("", {{.curves = {{.y = {not_a_number}}}}}), first).count == 0u);
    BOOST_TEST(find(hc::curves("", {{.curves = {{}}}}), first).count == 0u);
    BOOST_TEST(axes_of(hc::curves("", {{}})).count > 400u);
    // One number is a mark.
    BOOST_TEST(find(hc::curves("", {{.curves = {{.y = {3}}}}}), first).count > 4u);
}

BOOST_AUTO_TEST_CASE(a_mean_of_neighbours_is_drawn_over_faint_numbers) {
    std::vector<double> numbers;
    for (int i = 0; i < 1000; ++i) {
        numbers.push_back(i % 2); // 0 and 1: their mean is a half
    }
    auto const drawn = hc::curves("", {{.curves = {{.y = numbers, .smooth = 100}}, .low = -1, .high = 2}},
                                  {.width = 10, .height = 5});
    auto const axes = axes_of(drawn);
    auto const mean = find(drawn, first);
    BOOST_TEST(mean.bottom - mean.top <= 3u);
    BOOST_TEST(std::abs(static_cast<double>(mean.top + mean.bottom) / 2 -
                        static_cast<double>(axes.top + axes.bottom) / 2) <= 1.5);
    // The numbers are there, paler.
    auto const height = axes.bottom - axes.top;
    auto const pale = drawn.at(axes.bottom - height * 2 / 5, 500);
    BOOST_TEST(int{pale[0]} > 31);
    BOOST_TEST(int{pale[0]} < 250);

    // By hand: a step from 0 to 1, smoothed over 4.
    auto const stepped = hc::detail::smoothed({.y = {0, 0, 0, 0, 1, 1, not_a_number, 1}, .smooth = 4});
    BOOST_TEST((stepped == std::vector<double>{0, 0, 0, 0.25, 0.5, 2.0 / 3, 1, 1}));
    BOOST_TEST((hc::detail::smoothed({.y = {1, 2, 6}, .smooth = 1000000}) == std::vector<double>{1.5, 3, 3}));
    BOOST_TEST(hc::detail::smoothed({.y = {}, .smooth = 3}).empty());
}

BOOST_AUTO_TEST_CASE(the_legend_stands_where_it_hides_least) {
    auto const corner = [](std::vector<double> const& numbers) {
        auto const with = hc::curves("", {{.curves = {{.name = "mmmmmm", .y = numbers}}}});
        auto const without = hc::curves("", {{.curves = {{.y = numbers}}}});
        region changed;
        for (std::size_t y = 0; y < with.height(); ++y) {
            for (std::size_t x = 0; x < with.width(); ++x) {
                if (with.at(y, x) != without.at(y, x)) {
                    changed.top = std::min(changed.top, y);
                    changed.left = std::min(changed.left, x);
                    ++changed.count;
                }
            }
        }
        BOOST_TEST(changed.count > 50u);
        return std::string{changed.top < with.height() / 2 ? "top " : "bottom "} +
               (changed.left < with.width() / 2 ? "left" : "right");
    };
    std::vector<double> rising;
    for (int i = 0; i < 100; ++i) {
        rising.push_back(i);
    }
    BOOST_TEST(corner(rising) == "top left");
    std::ranges::reverse(rising);
    BOOST_TEST(corner(rising) == "top right");
    std::vector<double> arch;
    for (int i = 0; i < 100; ++i) {
        arch.push_back(i < 10 ? 0 : 1);
    }
    BOOST_TEST(corner(arch) == "bottom right");
}

BOOST_AUTO_TEST_CASE(a_long_training_is_drawn_at_once) {
    std::vector<double> numbers;
    for (int i = 0; i < 2000000; ++i) {
        numbers.push_back(std::sin(i * 0.1) + i % 7);
    }
    auto const begin = std::chrono::steady_clock::now();
    auto const drawn = hc::curves("", {{.curves = {{.y = numbers, .smooth = 1000}}}});
    BOOST_TEST(find(drawn, first).count > 500u);
    auto const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    BOOST_TEST_MESSAGE("two million numbers: " << seconds << " s"); // unthinned it takes minutes
    BOOST_TEST(seconds < 60);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_drawn_is_refused) {
    auto const refused = [](std::string const& words, std::vector<hc::chart> const& charts,
                            hc::chart_layout const& layout = {}, std::string const& title = "") {
        expect_error(hc::error_kind::use, {words}, [&] { (void)hc::curves(title, charts, layout); });
    };
    refused("must be a chart", {});
    refused("a number for each of its 2 steps; \"loss\" has 1",
            {{.curves = {{.name = "loss", .x = {1, 2}, .y = {1}}}}});
    refused("finite and ascend; those of \"loss\"",
            {{.curves = {{.name = "loss", .x = {2, 1}, .y = {1, 2}}}}});
    refused("finite and ascend", {{.curves = {{.x = {2, not_a_number}, .y = {1, 2}}}}});
    refused("`smooth` is 0", {{.curves = {{.y = {1}, .smooth = 0}}}});
    refused("that of \"accuracy\" does not", {{.title = "accuracy", .low = 1, .high = 1}});
    refused("that of \"\" does not", {{.low = not_a_number}});
    refused("room for its 2 charts", {{}, {}}, {.width = 1, .height = 1});
    refused("each side of the paper", {{}}, {.width = 0, .height = 1});
    refused("each side of the paper", {{}}, {.width = 100, .height = 1});
    refused("UTF-8", {{}}, {}, "\xff");
    refused("UTF-8", {{.curves = {{.name = "\xff", .y = {1}}}}});
    // Beyond all numbers.
    BOOST_TEST(axes_of(hc::curves("", {{.curves = {{.y = {1, 2}}}, .low = 5}})).count > 400u);
    BOOST_TEST(axes_of(hc::curves("", {{.curves = {{.y = {1, 2}}}, .high = -5}})).count > 400u);
    // The largest numbers that there are.
    constexpr double most = std::numeric_limits<double>::max();
    BOOST_TEST(axes_of(hc::curves("", {{.curves = {{.x = {-most, most}, .y = {-most, most}}}}})).count >
               400u);
}

BOOST_AUTO_TEST_CASE(charts_stand_in_rows) {
    hc::chart const one{.curves = {{.y = constant(101, 1)}}};
    auto const drawn = hc::curves("a title", {one, one, one}, {.width = 8, .height = 6, .columns = 2});
    auto const ink_in = [&](std::size_t top, std::size_t left) {
        std::size_t count = 0;
        for (std::size_t y = top; y < top + 290; ++y) {
            for (std::size_t x = left; x < left + 400; ++x) {
                count += drawn.at(y, x) == first ? 1 : 0;
            }
        }
        return count;
    };
    BOOST_TEST(ink_in(0, 0) > 200u);
    BOOST_TEST(ink_in(0, 400) > 200u);
    BOOST_TEST(ink_in(310, 0) > 200u);
    BOOST_TEST(ink_in(310, 400) == 0u);
}
