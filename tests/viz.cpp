#define BOOST_TEST_MODULE viz
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <pango/pangocairo.h>
#include <sys/resource.h>
#include <zlib.h>

#include <hookcam/data/image_file.hpp>
#include <hookcam/viz.hpp>

#include "expect_error.hpp"
#include "temporary_folder.hpp"
#include "xtensor.hpp"

namespace hc = hookcam;

namespace {

using bytes = std::vector<std::uint8_t>;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::size_t max_size = std::numeric_limits<std::size_t>::max();
constexpr hc::rgb white{255, 255, 255};

/// Every byte another, more or less.
hc::picture pattern(std::size_t height, std::size_t width) {
    hc::picture result{height, width};
    for (std::size_t i = 0; i < result.bytes().size(); ++i) {
        result.bytes()[i] = static_cast<std::uint8_t>(i * 37 + i / 256);
    }
    return result;
}

/// A rectangle of pixels, and how many there are of it.
struct region {
    std::size_t top = static_cast<std::size_t>(-1);
    std::size_t left = static_cast<std::size_t>(-1);
    std::size_t bottom = 0; // one behind
    std::size_t right = 0;
    std::size_t count = 0;

    [[nodiscard]] std::size_t height() const { return bottom - top; }
    [[nodiscard]] std::size_t width() const { return right - left; }
    [[nodiscard]] bool full() const { return count != 0 && count == height() * width(); }
};

/// Where the pixels are that `wanted` says.
template <class Wanted>
region find(hc::picture const& in, Wanted const& wanted) {
    region found;
    for (std::size_t y = 0; y < in.height(); ++y) {
        for (std::size_t x = 0; x < in.width(); ++x) {
            if (wanted(y, x, in.at(y, x))) {
                found.top = std::min(found.top, y);
                found.left = std::min(found.left, x);
                found.bottom = std::max(found.bottom, y + 1);
                found.right = std::max(found.right, x + 1);
                ++found.count;
            }
        }
    }
    return found;
}

region find_colour(hc::picture const& in, hc::rgb colour) {
    return find(in, [&](std::size_t, std::size_t, hc::rgb c) { return c == colour; });
}

/// Where something is drawn in a part of the paper.
region find_ink(hc::picture const& in, std::size_t top, std::size_t bottom, std::size_t left,
                std::size_t right) {
    return find(in, [&](std::size_t y, std::size_t x, hc::rgb c) {
        return y >= top && y < bottom && x >= left && x < right && c != white;
    });
}

} // namespace

// ---------------------------------------------------------------------------------------------- colour maps

BOOST_AUTO_TEST_SUITE(colour_maps)

/// matplotlib 3.11, `colormaps["jet"](range(256), bytes=True)`, red, green, blue in hexadecimal.
constexpr std::string_view matplotlib_jet =
    "00007f00008400008800008d00009100009600009a00009f0000a30000a80000ac0000b10000b60000ba0000bf0000c3"
    "0000c80000cc0000d10000d50000da0000de0000e30000e80000ec0000f10000f50000fa0000fe0000ff0000ff0000ff"
    "0000ff0004ff0008ff000cff0010ff0014ff0018ff001cff0020ff0024ff0028ff002cff0030ff0034ff0038ff003cff"
    "0040ff0044ff0048ff004cff0050ff0054ff0058ff005cff0060ff0064ff0068ff006cff0070ff0074ff0078ff007cff"
    "0080ff0084ff0088ff008cff0090ff0094ff0098ff009cff00a0ff00a4ff00a8ff00acff00b0ff00b4ff00b8ff00bcff"
    "00c0ff00c4ff00c8ff00ccff00d0ff00d4ff00d8ff00dcfe00e0fa00e4f702e8f405ecf108f0ed0cf4ea0ff8e712fce4"
    "15ffe118ffdd1cffda1fffd722ffd425ffd029ffcd2cffca2fffc732ffc336ffc039ffbd3cffba3fffb742ffb346ffb0"
    "49ffad4cffaa4fffa653ffa356ffa059ff9d5cff9a5fff9663ff9366ff9069ff8d6cff8970ff8673ff8376ff8079ff7d"
    "7cff7980ff7683ff7386ff7089ff6c8dff6990ff6693ff6396ff5f9aff5c9dff59a0ff56a3ff53a6ff4faaff4cadff49"
    "b0ff46b3ff42b7ff3fbaff3cbdff39c0ff36c3ff32c7ff2fcaff2ccdff29d0ff25d4ff22d7ff1fdaff1cddff18e0ff15"
    "e4ff12e7ff0feaff0cedff08f1fc05f4f802f7f400faf000feed00ffe900ffe500ffe200ffde00ffda00ffd700ffd300"
    "ffcf00ffcb00ffc800ffc400ffc000ffbd00ffb900ffb500ffb100ffae00ffaa00ffa600ffa300ff9f00ff9b00ff9800"
    "ff9400ff9000ff8c00ff8900ff8500ff8100ff7e00ff7a00ff7600ff7300ff6f00ff6b00ff6700ff6400ff6000ff5c00"
    "ff5900ff5500ff5100ff4d00ff4a00ff4600ff4200ff3f00ff3b00ff3700ff3400ff3000ff2c00ff2800ff2500ff2100"
    "ff1d00ff1a00ff1600fe1200fa0f00f50b00f10700ec0300e80000e30000de0000da0000d50000d10000cc0000c80000"
    "c30000bf0000ba0000b60000b10000ac0000a80000a300009f00009a00009600009100008d00008800008400007f0000";

BOOST_AUTO_TEST_CASE(jet_is_matplotlibs) {
    static_assert(matplotlib_jet.size() == 256 * 6);
    for (std::size_t i = 0; i < 256; ++i) {
        auto const wanted = std::stoul(std::string{matplotlib_jet.substr(i * 6, 6)}, nullptr, 16);
        auto const [r, g, b] = hc::jet.colours[i];
        BOOST_TEST((r * 65536ul + g * 256ul + b) == wanted, "entry " << i);
    }
}

BOOST_AUTO_TEST_CASE(gray_is_matplotlibs) {
    // Truncation loses a level where i / 255 · 255 falls short of i: these entries, by matplotlib 3.11.
    constexpr std::array<std::size_t, 24> short_of{33, 37,  41,  45,  49,  53,  57,  61,  66,  74,  82,  90,
                                                   98, 106, 114, 122, 132, 148, 164, 180, 196, 212, 228, 244};
    for (std::size_t i = 0; i < 256; ++i) {
        bool const less = std::find(short_of.begin(), short_of.end(), i) != short_of.end();
        auto const level = static_cast<std::uint8_t>(less ? i - 1 : i);
        BOOST_TEST((hc::gray.colours[i] == hc::rgb{level, level, level}), "entry " << i);
    }
}

/// The checksum (CRC-32) of a map's 768 bytes, red, green, blue.
unsigned long checksum(hc::colormap const& map) {
    return crc32(0, map.colours.front().data(), 256 * 3);
}

BOOST_AUTO_TEST_CASE(viridis_and_turbo_are_matplotlibs) {
    // matplotlib 3.11, `zlib.crc32(colormaps["viridis"](range(256), bytes=True)[:, :3].tobytes())`.
    static_assert(sizeof hc::viridis.colours == std::size_t{256} * 3);
    BOOST_TEST(checksum(hc::viridis) == 0x89b85291);
    BOOST_TEST(checksum(hc::turbo) == 0x8e2531a0);
    // Some of the entries, for whoever has to find out what is wrong.
    using entry = std::pair<std::size_t, hc::rgb>;
    for (auto const& [i, colour] :
         {entry{0, {68, 1, 84}}, entry{1, {68, 2, 85}}, entry{64, {58, 82, 139}}, entry{127, {32, 143, 140}},
          entry{128, {32, 144, 140}}, entry{192, {94, 201, 97}}, entry{254, {250, 230, 34}},
          entry{255, {253, 231, 36}}})
        BOOST_TEST((hc::viridis.colours[i] == colour), "entry " << i);
    for (auto const& [i, colour] :
         {entry{0, {48, 18, 59}}, entry{1, {49, 21, 66}}, entry{64, {40, 187, 235}},
          entry{127, {161, 252, 61}}, entry{128, {164, 252, 59}}, entry{192, {250, 125, 32}},
          entry{254, {125, 5, 2}}, entry{255, {122, 4, 2}}})
        BOOST_TEST((hc::turbo.colours[i] == colour), "entry " << i);
}

BOOST_AUTO_TEST_CASE(have_names) {
    BOOST_TEST(&hc::find_colormap("jet") == &hc::jet);
    BOOST_TEST(&hc::find_colormap("gray") == &hc::gray);
    BOOST_TEST(&hc::find_colormap("turbo") == &hc::turbo);
    BOOST_TEST(&hc::find_colormap("viridis") == &hc::viridis);
    for (std::string const name : {"", "Jet", "jet ", "parula"})
        expect_error(hc::error_kind::use, {"gray jet turbo viridis", '"' + name + '"'},
                     [&] { static_cast<void>(hc::find_colormap(name)); });
}

BOOST_AUTO_TEST_CASE(numbers_choose_entries_as_in_matplotlib) {
    static_assert(hc::jet(0.5) == hc::rgb{124, 255, 121}); // entry 128; at compile time, too
    for (std::size_t i = 0; i < 256; ++i) {
        double const x = static_cast<double>(i) / 256;
        BOOST_TEST((hc::jet(x) == hc::jet.colours[i]));
        BOOST_TEST((hc::jet(std::nextafter(x + 1. / 256, 0.)) == hc::jet.colours[i]));
    }
    BOOST_TEST((hc::jet(1) == hc::rgb{127, 0, 0}));
    BOOST_TEST((hc::jet(1e300) == hc::rgb{127, 0, 0}));
    BOOST_TEST((hc::jet(infinity) == hc::rgb{127, 0, 0}));
    BOOST_TEST((hc::jet(-1e-300) == hc::rgb{0, 0, 127}));
    BOOST_TEST((hc::jet(-infinity) == hc::rgb{0, 0, 127}));
    BOOST_TEST((hc::jet(not_a_number) == white));
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------------------------------------- overlays

BOOST_AUTO_TEST_SUITE(overlays)

BOOST_AUTO_TEST_CASE(weigh_heat_and_picture) {
    hc::picture const image{1, 3, bytes{10, 20, 30, 100, 100, 100, 255, 255, 255}};
    std::vector<float> const heat{0.0f, 0.5f, 1.0f};
    // 0.4 · (0, 0, 127) + 0.6 · (10, 20, 30) = (6, 12, 68.8); (124, 255, 121) and (127, 0, 0) likewise.
    BOOST_TEST(
        (hc::overlay(image, heat) == hc::picture{1, 3, bytes{6, 12, 69, 110, 162, 108, 204, 153, 153}}));
    BOOST_TEST((hc::overlay(image, std::vector<double>{0, 0.5, 1}) == hc::overlay(image, heat)));
    BOOST_TEST((hc::overlay(image, heat, hc::gray, 0.5).at(0, 1) == hc::rgb{114, 114, 114}));
}

/// Values 0 to 1, every one another.
std::vector<double> ramp(std::size_t count) {
    std::vector<double> heat(count);
    for (std::size_t i = 0; i < heat.size(); ++i) {
        heat[i] = static_cast<double>(i) / static_cast<double>(count);
    }
    return heat;
}

BOOST_AUTO_TEST_CASE(with_alpha_0_give_the_picture_back_exactly) {
    auto const image = pattern(16, 16);
    for (auto const& map : hc::colormaps) {
        BOOST_TEST((hc::overlay(image, ramp(256), *map.colours, 0) == image));
    }
}

BOOST_AUTO_TEST_CASE(with_alpha_1_give_the_colours_of_the_heat_exactly) {
    auto const heat = ramp(256);
    auto const alone = hc::overlay(pattern(16, 16), heat, hc::jet, 1);
    for (std::size_t i = 0; i < heat.size(); ++i) {
        BOOST_TEST((alone.at(i / 16, i % 16) == hc::jet.colours[i]));
    }
    // A byte blended with itself stays, whatever the weights.
    for (double const alpha : {0.1, 0.3, 0.4, 0.7, 0.9}) {
        BOOST_TEST((hc::overlay(alone, heat, hc::jet, alpha) == alone));
    }
}

BOOST_AUTO_TEST_CASE(of_a_mask_of_bytes_are_those_of_its_numbers) {
    auto const image = pattern(16, 16);
    bytes mask(256);
    std::vector<float> exact(256);
    for (std::size_t i = 0; i < 256; ++i) {
        mask[i] = static_cast<std::uint8_t>(i);
        exact[i] = static_cast<float>(i) / 255;
    }
    // Not squared (16 would be none of the heat), not taken modulo 256.
    BOOST_TEST((hc::overlay(image, mask) == hc::overlay(image, exact)));
    BOOST_TEST((hc::overlay(image, mask, hc::gray, 1).at(1, 0) == hc::gray.colours[16]));
    BOOST_TEST((hc::overlay(image, mask, hc::gray, 1).at(15, 15) == white));

    // A heatmap that was rounded to bytes on its way: no colour is further than its neighbour (jet: 5 levels a
    // byte, of which 0.4 are seen), and the sum is rounded twice.
    auto const heat = ramp(256);
    std::ranges::transform(heat, mask.begin(),
                           [](double x) { return static_cast<std::uint8_t>(std::lround(255 * x)); });
    auto const by_bytes = hc::overlay(image, mask);
    auto const by_numbers = hc::overlay(image, heat);
    int furthest = 0;
    for (std::size_t i = 0; i < image.bytes().size(); ++i) {
        furthest = std::max(furthest, std::abs(by_bytes.bytes()[i] - by_numbers.bytes()[i]));
    }
    BOOST_TEST(furthest <= 3);
}

BOOST_AUTO_TEST_CASE(keep_red_red_and_blue_blue) {
    hc::picture const image{1, 2, bytes{250, 0, 0, 0, 0, 250}};
    // Hot is red, cold is blue, in the picture's order of bytes; in the file, too.
    auto const hot = hc::overlay(image, std::vector<float>{1, 1});
    auto const cold = hc::overlay(image, std::vector<float>{0, 0});
    BOOST_TEST((hot == hc::picture{1, 2, bytes{201, 0, 0, 51, 0, 150}}));
    BOOST_TEST((cold == hc::picture{1, 2, bytes{150, 0, 51, 0, 0, 201}}));
    BOOST_TEST((hc::decode_picture(hc::encode_png(hot)) == hot));
}

BOOST_AUTO_TEST_CASE(have_no_brightness_that_depends_on_other_pixels) {
    // A film of two frames: what did not change looks as before, though a bright spot came.
    auto frame = pattern(1, 8);
    std::vector<float> heat(8, 0.25f);
    auto const first = hc::overlay(frame, heat);
    frame.set(0, 7, white);
    heat[7] = 1;
    auto const second = hc::overlay(frame, heat);
    for (std::size_t x = 0; x < 7; ++x) {
        BOOST_TEST((first.at(0, x) == second.at(0, x)));
    }
    BOOST_TEST((first.at(0, 7) != second.at(0, 7)));
}

BOOST_AUTO_TEST_CASE(never_rescale) {
    auto const image = pattern(1, 4);
    std::vector<double> const heat{-3, 7, not_a_number, 0.25};
    auto const laid = hc::overlay(image, heat, hc::jet, 1);
    BOOST_TEST((laid.at(0, 0) == hc::jet.colours.front()));
    BOOST_TEST((laid.at(0, 1) == hc::jet.colours.back()));
    BOOST_TEST((laid.at(0, 2) == image.at(0, 2)));
    BOOST_TEST((laid.at(0, 3) == hc::jet.colours[64]));
}

/// More pixels than are done at a time, and no round number of them.
BOOST_AUTO_TEST_CASE(are_that_sum_in_every_pixel) {
    auto const image = pattern(23, 37);
    std::vector<double> heat(23 * 37);
    for (std::size_t i = 0; i < heat.size(); ++i) {
        heat[i] = i % 50 == 7 ? not_a_number : static_cast<double>(i * 7919 % 1009) / 900 - 0.05;
    }
    auto const laid = hc::overlay(image, heat, hc::viridis, 0.35);
    for (std::size_t i = 0; i < heat.size(); ++i) {
        auto const colour = hc::viridis(heat[i]);
        for (std::size_t c = 0; c < 3; ++c) {
            double const under = image.bytes()[i * 3 + c];
            double const sum = std::isnan(heat[i]) ? under : 0.35 * colour[c] + 0.65 * under;
            // The nearest byte, or one of two that are as near.
            BOOST_TEST(std::abs(laid.bytes()[i * 3 + c] - sum) < 0.5001, "pixel " << i);
        }
    }
}

BOOST_AUTO_TEST_CASE(refuse_what_does_not_fit) {
    expect_error(hc::error_kind::shape, {"2×3", "5 values"}, [] {
        (void)hc::overlay(hc::picture{2, 3}, std::vector<float>(5));
    });
    for (double const alpha : {-0.01, 1.01, not_a_number}) {
        expect_error(hc::error_kind::use, {"alpha"}, [&] {
            (void)hc::overlay(hc::picture{1, 1}, std::vector<float>(1), hc::jet, alpha);
        });
    }
}

BOOST_AUTO_TEST_SUITE_END()

// -------------------------------------------------------------------------------------------------- PNG out

BOOST_AUTO_TEST_SUITE(png)

BOOST_AUTO_TEST_CASE(keeps_every_byte) {
    for (auto const& [h, w] : {std::pair{1u, 1u}, {3u, 7u}, {32u, 32u}, {1u, 1000u}, {257u, 2u}}) {
        auto const source = pattern(h, w);
        BOOST_TEST((hc::decode_picture(hc::encode_png(source)) == source));
    }
    temporary_folder const folder;
    hc::save_png(folder / "a.png", pattern(5, 6));
    hc::save_png(folder / "a.png", pattern(6, 5)); // over the older one
    BOOST_TEST((hc::load_picture(folder / "a.png") == pattern(6, 5)));
    BOOST_TEST(folder.size() == 1u);
    expect_error(hc::error_kind::shape, {"0×0"}, [] { (void)hc::encode_png({}); });
}

BOOST_AUTO_TEST_CASE(is_written_whole_or_not_at_all) {
    temporary_folder const folder;
    expect_error(hc::error_kind::file, {"save_png", "no/a.png", "No such file"},
                 [&] { hc::save_png(folder / "no/a.png", pattern(5, 6)); });

    std::filesystem::create_directories(folder / "taken.png" / "inside");
    expect_error(hc::error_kind::file, {"taken.png"},
                 [&] { hc::save_png(folder / "taken.png", pattern(5, 6)); });
    BOOST_TEST(folder.size() == 1u);

    // A full disk, as good as: no file of this process may grow beyond a kilobyte.
    hc::save_png(folder / "old.png", pattern(5, 6));
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    BOOST_REQUIRE_EQUAL(getrlimit(RLIMIT_FSIZE, &before), 0);
    rlimit small = before;
    small.rlim_cur = 1024;
    BOOST_REQUIRE_EQUAL(setrlimit(RLIMIT_FSIZE, &small), 0);
    std::string said;
    try {
        hc::save_png(folder / "old.png", pattern(300, 300));
    } catch (hc::error const& e) {
        said = e.what();
    }
    setrlimit(RLIMIT_FSIZE, &before);
    BOOST_TEST(said.find("old.png") != std::string::npos, "said: " << said);
    BOOST_TEST((hc::load_picture(folder / "old.png") == pattern(5, 6)));
    BOOST_TEST(folder.size() == 2u); // the folder and the old file, nothing half-written
}

BOOST_AUTO_TEST_SUITE_END()

// -------------------------------------------------------------------------------------------------- figures

BOOST_AUTO_TEST_SUITE(figures)

BOOST_AUTO_TEST_CASE(enlarge_pixels_to_squares) {
    hc::picture const four{2, 2, bytes{200, 0, 0, 0, 200, 0, 0, 0, 200, 200, 200, 0}};
    auto const drawn = hc::figure{4, 3}.add({four, "Title"}).draw();
    BOOST_TEST(drawn.height() == 300u);
    BOOST_TEST(drawn.width() == 400u);
    auto const red = find_colour(drawn, {200, 0, 0});
    auto const yellow = find_colour(drawn, {200, 200, 0});
    BOOST_TEST(
        (red.full() && find_colour(drawn, {0, 200, 0}).full() && find_colour(drawn, {0, 0, 200}).full()));
    BOOST_TEST(red.height() >= 110u); // most of the paper
    BOOST_TEST(std::abs(static_cast<int>(red.height() - yellow.height())) <= 1);
    BOOST_TEST(red.bottom == yellow.top);
    BOOST_TEST(red.right == yellow.left);
    // In the middle of the paper, give or take a pixel, under its title.
    BOOST_TEST(std::abs(static_cast<int>(red.left + yellow.right) - 400) <= 1);
    auto const title = find_ink(drawn, 0, red.top - 1, 0, 400);
    BOOST_TEST(title.count > 50u);
    BOOST_TEST(title.height() >= 9u); // a T of 12 points at 100 dpi is 12 pixels high
    BOOST_TEST(std::abs(static_cast<int>(title.left + title.right) - 400) <= 4);
    for (auto const& [y, x] : {std::pair{0u, 0u}, {0u, 399u}, {299u, 0u}, {299u, 399u}}) {
        BOOST_TEST((drawn.at(y, x) == white));
    }
}

BOOST_AUTO_TEST_CASE(explain_colours_by_a_bar) {
    std::vector<float> const heat(9, 0.5f);
    auto const drawn = hc::figure{6, 3}.add(hc::heat_panel(heat, 3, 3, "Heat")).draw();
    auto const middle = hc::jet(0.5);
    // The panel is all of the colour that the bar has at half its height.
    auto const top = find_colour(drawn, middle).top;
    auto const upper_edge =
        find(drawn, [&](std::size_t y, std::size_t, hc::rgb c) { return y == top && c == middle; });
    auto const panel = find(
        drawn, [&](std::size_t, std::size_t x, hc::rgb c) { return x < upper_edge.right && c == middle; });
    BOOST_TEST(panel.full());
    BOOST_TEST((panel.width() >= 200u && panel.height() >= 200u && panel.width() == panel.height()));
    auto const column = panel.right + 14; // 6 points off, 9 wide
    BOOST_TEST((drawn.at(panel.top, column) == hc::jet.colours.back()));
    BOOST_TEST((drawn.at(panel.bottom - 1, column) == hc::jet.colours.front()));
    std::vector<std::size_t> entries;
    for (std::size_t y = panel.top; y < panel.bottom; ++y) {
        auto const at = std::find(hc::jet.colours.begin(), hc::jet.colours.end(), drawn.at(y, column));
        BOOST_REQUIRE((at != hc::jet.colours.end()));
        entries.push_back(static_cast<std::size_t>(at - hc::jet.colours.begin()));
    }
    BOOST_TEST(std::is_sorted(entries.rbegin(), entries.rend()));
    BOOST_TEST(std::abs(static_cast<int>(entries[entries.size() / 2]) - 128) <= 2);
    // Six labels, 0.0 to 1.0, to the right of it: so many runs of lines with ink.
    std::size_t labels = 0;
    bool inside = false;
    for (std::size_t y = 0; y < drawn.height(); ++y) {
        bool const ink = find_ink(drawn, y, y + 1, panel.right + 30, 600).count != 0;
        labels += ink && !inside ? 1 : 0;
        inside = ink;
    }
    BOOST_TEST(labels == 6u);

    hc::panel const bare{hc::heat_panel(heat, 3, 3, "Heat").image, "Heat"};
    auto const without = hc::figure{6, 3}.add(bare).draw();
    auto const square = find_colour(without, middle);
    BOOST_TEST(square.full());
    BOOST_TEST(find_ink(without, square.top, square.bottom, square.right + 1, 600).count == 0u);
}

BOOST_AUTO_TEST_CASE(ticks_are_round_numbers) {
    auto const labels = [](double low, double high) {
        std::string all;
        for (auto const& tick : hc::detail::round_ticks(low, high)) {
            all += tick.label + ' ';
        }
        return all;
    };
    BOOST_TEST(labels(0, 1) == "0.0 0.2 0.4 0.6 0.8 1.0 ");
    BOOST_TEST(labels(-1, 1) == "−1.0 −0.5 0.0 0.5 1.0 ");
    BOOST_TEST(labels(0, 255) == "0 50 100 150 200 250 ");
    BOOST_TEST(labels(-0.003, 0.0017) == "−0.003 −0.002 −0.001 0.000 0.001 ");
    BOOST_TEST(labels(0, 3e-7) == "0 5e-08 1e-07 1.5e-07 2e-07 2.5e-07 3e-07 ");
    BOOST_TEST(labels(2.5, 2.5) == "2.5 ");
    BOOST_TEST(hc::detail::round_ticks(-1e308, 1e308).size() == 1u);
    BOOST_TEST(hc::detail::round_ticks(1, 1 + 1e-15).size() <= 7u);
}

BOOST_AUTO_TEST_CASE(stand_side_by_side_or_in_rows) {
    hc::figure row{12, 4};
    std::array<hc::rgb, 3> const colours{{{200, 10, 10}, {10, 200, 10}, {10, 10, 200}}};
    for (auto const colour : colours) {
        row.add({hc::picture::filled(32, 32, colour), "A title"});
    }
    auto const drawn = row.draw();
    std::size_t edge = 0;
    for (auto const colour : colours) {
        auto const at = find_colour(drawn, colour);
        BOOST_TEST((at.full() && at.left > edge + 10 && at.height() == at.width() && at.width() > 300));
        edge = at.right;
    }
    BOOST_TEST(edge < 1190u);

    // More columns than panels are as many.
    hc::figure wide{12, 4, {.columns = max_size}};
    for (auto const colour : colours) {
        wide.add({hc::picture::filled(32, 32, colour), "A title"});
    }
    BOOST_TEST((wide.draw() == drawn));

    hc::figure grid{3, 6, {.columns = 1}};
    grid.add({hc::picture::filled(10, 20, colours[0])}).add({hc::picture::filled(20, 20, colours[1])});
    auto const tall = grid.draw();
    auto const upper = find_colour(tall, colours[0]);
    auto const lower = find_colour(tall, colours[1]);
    BOOST_TEST((upper.full() && lower.full()));
    BOOST_TEST(upper.bottom < lower.top);
    BOOST_TEST(upper.height() == lower.height());
    BOOST_TEST(std::abs(static_cast<int>(upper.width()) - static_cast<int>(2 * lower.width())) <= 1);
}

BOOST_AUTO_TEST_CASE(leave_places_empty_and_share_a_bar) {
    std::array<hc::rgb, 3> const colours{{{200, 10, 10}, {10, 200, 10}, {10, 10, 200}}};
    auto const coloured = [&](std::size_t i) {
        return hc::panel{hc::picture::filled(20, 30, colours[i]), "A title"};
    };
    hc::figure grid{8, 5, {.columns = 2}};
    grid.add(coloured(0)).add(coloured(1)).add_space().add(coloured(2));
    auto const plain = grid.draw();
    auto const drawn = grid.set_bar({hc::viridis, 0, 1}).draw();
    for (auto const& paper : {plain, drawn}) {
        auto const first = find_colour(paper, colours[0]);
        auto const above = find_colour(paper, colours[1]);
        auto const below = find_colour(paper, colours[2]);
        BOOST_TEST((first.full() && above.full() && below.full()));
        BOOST_TEST(first.top == above.top);
        BOOST_TEST(above.left == below.left);
        BOOST_TEST(above.right == below.right);
        BOOST_TEST(above.bottom < below.top);
        // Nothing under the first, its frame aside.
        BOOST_TEST(find_ink(paper, first.bottom + 1, 500, 0, below.left - 1).count == 0u);
    }
    // The bar begins 6 points to the right of both rows, and is as high as they are with what lies between.
    auto const above = find_colour(drawn, colours[1]);
    auto const below = find_colour(drawn, colours[2]);
    auto const column = above.right + 14;
    BOOST_TEST((drawn.at(above.top, column) == hc::viridis.colours.back()));
    BOOST_TEST((drawn.at(below.bottom - 1, column) == hc::viridis.colours.front()));
    for (std::size_t y = above.top; y < below.bottom; ++y) {
        BOOST_TEST(
            (std::ranges::find(hc::viridis.colours, drawn.at(y, column)) != hc::viridis.colours.end()));
    }
    BOOST_TEST(find_ink(plain, 0, 500, find_colour(plain, colours[1]).right + 1, 800).count == 0u);
    BOOST_TEST(find_ink(drawn, 0, 500, 796, 800).count == 0u); // its numbers, too, stay off the edge
}

BOOST_AUTO_TEST_CASE(lay_many_heatmaps_over_one_picture) {
    hc::panel const original{hc::picture::filled(20, 20, {0, 0, 0}), "Original"};
    std::array<std::vector<float>, 4> heats;
    std::vector<hc::titled_heat> maps;
    for (std::size_t i = 0; i < heats.size(); ++i) {
        heats[i].assign(400, 0.2f + 0.2f * static_cast<float>(i));
        maps.push_back({heats[i], "map " + std::to_string(i)});
    }
    auto const drawn = hc::overlay_figure(original, maps, 2, {hc::turbo, 0.5}).draw();
    std::vector<region> at;
    for (auto const& heat : heats) {
        auto const shown = hc::overlay(original.image, heat, hc::turbo, 0.5).at(0, 0);
        at.push_back(find_colour(drawn, shown));
        BOOST_TEST(at.back().full());
        BOOST_TEST(at.back().width() > 250u); // large enough to be looked at
    }
    BOOST_TEST(at[0].top == at[1].top);
    BOOST_TEST(at[2].top == at[3].top);
    BOOST_TEST(at[0].left == at[2].left);
    BOOST_TEST(at[1].left == at[3].left);
    BOOST_TEST(at[0].right < at[1].left);
    BOOST_TEST(at[0].bottom < at[2].top);
    // The original once, in front of the first row; the bar behind.
    auto const black = find(drawn, [&](std::size_t, std::size_t x, hc::rgb c) {
        return x < at[0].left - 2 && c == hc::rgb{0, 0, 0};
    });
    BOOST_TEST((black.full() && black.top == at[0].top && black.height() == at[0].height()));
    BOOST_TEST((drawn.at(at[1].top, at[1].right + 14) == hc::turbo.colours.back()));
    BOOST_TEST((drawn.at(at[3].bottom - 1, at[1].right + 14) == hc::turbo.colours.front()));

    expect_error(hc::error_kind::use, {"columns"}, [&] { (void)hc::overlay_figure(original, maps, 0); });
    expect_error(hc::error_kind::shape, {"overlay_figure", "pixels"},
                 [&] { (void)hc::overlay_figure({}, maps, 2); });
    expect_error(hc::error_kind::use, {"alpha"}, [&] {
        (void)hc::overlay_figure(original, maps, 2, {hc::jet, 2});
    });
    heats[3].pop_back();
    maps[3].values = heats[3];
    expect_error(hc::error_kind::shape, {"20×20", "399"},
                 [&] { (void)hc::overlay_figure(original, maps, 2); });
}

BOOST_AUTO_TEST_CASE(line_up_heatmaps_of_an_incomplete_row) {
    hc::panel const original{hc::picture::filled(20, 20, {0, 0, 0}), "Original"};
    std::vector<float> const heat(400, 1);
    std::vector<hc::titled_heat> const maps(3, {heat, "a map"});
    auto const draw = [&](std::size_t columns) {
        return hc::overlay_figure(original, maps, columns, {hc::jet, 0.5}).draw();
    };
    auto const drawn = draw(2);
    auto const shown = hc::overlay(original.image, heat, hc::jet, 0.5).at(0, 0);
    auto const middle = drawn.height() / 2;
    auto const upper =
        find(drawn, [&](std::size_t y, std::size_t, hc::rgb c) { return y < middle && c == shown; });
    auto const lower =
        find(drawn, [&](std::size_t y, std::size_t, hc::rgb c) { return y >= middle && c == shown; });
    BOOST_TEST(lower.full());
    BOOST_TEST(lower.left == upper.left);
    BOOST_TEST(2 * lower.width() < upper.width());
    // A row that could hold more is as wide as what there is.
    BOOST_TEST((draw(max_size) == draw(3)));
}

BOOST_AUTO_TEST_CASE(draw_many_heatmaps_smaller) {
    // At 100 pixels an inch: too wide, too high, and more pixels than are read back from a PNG file.
    std::vector<float> const heat(4, 1);
    for (auto const& [count, columns] : {std::pair{60u, 60u}, {60u, 1u}, {900u, 30u}}) {
        std::vector<hc::titled_heat> const maps(count, {heat, "a map"});
        auto const drawn =
            hc::overlay_figure({hc::picture{2, 2}, "Original"}, maps, columns, {hc::jet, 1}).draw();
        BOOST_TEST(std::max(drawn.height(), drawn.width()) <= hc::figure::max_side);
        BOOST_TEST(drawn.height() * drawn.width() <= hc::max_picture_pixels);
        auto const black = find_colour(drawn, {0, 0, 0}); // the original
        BOOST_TEST(black.full());
        BOOST_TEST(black.width() > 200u); // no smaller than need be
        BOOST_TEST((drawn.at(black.top, black.right + 25) == hc::jet.colours.back()));
    }
}

BOOST_AUTO_TEST_CASE(show_numbers_as_they_are) {
    std::vector<double> const values{-2, 0, 2, 5, not_a_number, infinity};
    auto const shown = hc::heat_panel(values, 2, 3, "", {hc::jet, -2, 2});
    BOOST_TEST((shown.image.at(0, 0) == hc::jet(0)));
    BOOST_TEST((shown.image.at(0, 1) == hc::jet(0.5)));
    BOOST_TEST((shown.image.at(0, 2) == hc::jet(1)));
    BOOST_TEST((shown.image.at(1, 0) == hc::jet(1)));
    BOOST_TEST((shown.image.at(1, 1) == white));
    BOOST_TEST((shown.image.at(1, 2) == hc::jet(1)));
    BOOST_TEST(shown.bar->low == -2);

    auto const features = hc::feature_panel(values, 2, 3); // from −2 to 5
    BOOST_TEST((features.image.at(0, 0) == hc::gray(0)));
    BOOST_TEST((features.image.at(0, 1) == hc::gray(2. / 7)));
    BOOST_TEST((features.image.at(1, 0) == white));
    BOOST_TEST(!features.bar.has_value());
    // Nothing to tell apart: all black, no division by zero.
    BOOST_TEST((hc::feature_panel(std::vector<float>(4, 3.5f), 2, 2).image == hc::picture{2, 2}));
    BOOST_TEST((hc::feature_panel(std::vector<double>{-1.7e308, 1.7e308}, 1, 2).image.at(0, 1) == white));
}

BOOST_AUTO_TEST_CASE(shrink_titles_then_pictures) {
    // A title of any length stays off the neighbour and off the edge, and is there.
    hc::figure f{4, 2};
    f.add({hc::picture::filled(400, 400, {200, 0, 0}), std::string(300, 'W')});
    f.add({hc::picture::filled(400, 400, {0, 200, 0}), "ё — ok"});
    auto const drawn = f.draw();
    auto const first = find_colour(drawn, {200, 0, 0});
    auto const second = find_colour(drawn, {0, 200, 0});
    BOOST_TEST((first.full() && second.full()));
    auto const between = (first.right + second.left) / 2;
    auto const cut = find_ink(drawn, 0, first.top - 1, 0, between - 1);
    BOOST_TEST(cut.width() > first.width() * 9 / 10);
    BOOST_TEST(cut.left > 2u);
    BOOST_TEST(find_ink(drawn, 0, first.top - 1, between - 1, between + 1).count == 0u);
    BOOST_TEST(find_ink(drawn, 0, first.top - 1, between + 1, 400).count > 20u);
}

/// A title as it is drawn: its ink, cut out.
hc::picture drawn_title(std::string const& title) {
    auto const drawn = hc::figure{6, 4}.add({hc::picture::filled(4, 4, {200, 0, 0}), title}).draw();
    auto const top = find_colour(drawn, {200, 0, 0}).top;
    auto const at = find_ink(drawn, 0, top - 1, 0, drawn.width());
    BOOST_REQUIRE_MESSAGE(at.count > 0, "nothing was drawn for " << title);
    hc::picture ink{at.height(), at.width()};
    for (std::size_t y = 0; y < ink.height(); ++y) {
        for (std::size_t x = 0; x < ink.width(); ++x) {
            ink.set(y, x, drawn.at(at.top + y, at.left + x));
        }
    }
    return ink;
}

/// Whether what is drawn has a frame around it, as the box has that stands for a character without a font.
bool is_a_box(hc::picture const& ink) {
    auto const drawn = [&](std::size_t y, std::size_t x) { return ink.at(y, x) != white; };
    std::size_t count = 0;
    for (std::size_t y = 0; y < ink.height(); ++y) {
        count += (drawn(y, 0) ? 1 : 0) + (drawn(y, ink.width() - 1) ? 1 : 0);
    }
    for (std::size_t x = 0; x < ink.width(); ++x) {
        count += (drawn(0, x) ? 1 : 0) + (drawn(ink.height() - 1, x) ? 1 : 0);
    }
    return count + 4 >= 2 * (ink.width() + ink.height()); // corners may be round
}

/// Skips a test, visibly, where no font has the characters of its text.
struct a_font_has {
    std::string text;

    boost::test_tools::assertion_result operator()(boost::unit_test::test_unit_id) const {
        auto* const context = pango_font_map_create_context(pango_cairo_font_map_get_default());
        auto* const layout = pango_layout_new(context);
        pango_layout_set_text(layout, text.c_str(), -1);
        boost::test_tools::assertion_result result{pango_layout_get_unknown_glyphs_count(layout) == 0};
        if (!result)
            BOOST_TEST_MESSAGE("skipped: no font has the characters of " << text << "; install one");
        g_object_unref(layout);
        g_object_unref(context);
        return result;
    }
};

BOOST_AUTO_TEST_CASE(show_titles_of_any_script, *boost::unit_test::precondition(a_font_has{"原圖：青蛙"})) {
    BOOST_TEST(is_a_box(drawn_title("\U0010fffd")));         // a character that no font has
    for (std::string const character : {"原", "青", "蛙"}) { // (圖 has a frame of its own)
        BOOST_TEST(!is_a_box(drawn_title(character)), "a box for " << character);
    }
    BOOST_TEST((drawn_title("青") != drawn_title("蛙")));
    BOOST_TEST((drawn_title("原") != drawn_title("圖")));
    // Five characters as wide as they are high, one beside the other; 12 points at 100 dpi are 16⅔ pixels.
    auto const all = drawn_title("原圖：青蛙");
    BOOST_TEST(all.width() >= 5u * 15);
    BOOST_TEST(all.width() <= 5u * 18);
    BOOST_TEST(all.height() <= 18u);
    BOOST_TEST((drawn_title("原圖：青蛙 frog").width() > all.width() + 30));
}

BOOST_AUTO_TEST_CASE(cut_titles_between_characters,
                     *boost::unit_test::precondition(a_font_has{"原圖：青蛙…"})) {
    auto const repeated = [](std::string const& text, int times) {
        std::string all;
        for (int i = 0; i < times; ++i) {
            all += text;
        }
        return all;
    };
    // Whatever comes in front, and so wherever the cut falls: what follows the cut does not matter, and the
    // cut is marked.
    for (std::string const start : {"", "i", "ii", "iii", "é", "青", "青i"}) {
        auto const cut = drawn_title(start + repeated("蛙", 200));
        BOOST_TEST((cut == drawn_title(start + repeated("蛙", 100) + repeated("青", 300))));
        BOOST_TEST((cut != drawn_title(start + repeated("青", 200))));
        BOOST_TEST(cut.width() > 330u); // nearly the panel's width
        BOOST_TEST(cut.width() < 400u);
    }
    BOOST_TEST((drawn_title(repeated("W", 200)) == drawn_title(repeated("W", 100) + repeated("M", 100))));
}

BOOST_AUTO_TEST_CASE(refuse_what_cannot_be_drawn) {
    expect_error(hc::error_kind::use, {"a panel"}, [] { (void)hc::figure{4, 3}.draw(); });
    expect_error(hc::error_kind::shape, {"\"none\""}, [] { hc::figure{4, 3}.add({{}, "none"}); });
    expect_error(hc::error_kind::use, {"UTF-8"}, [] {
        (void)hc::figure{4, 3}.add({pattern(2, 2), "\xff\xfe"}).draw();
    });
    expect_error(hc::error_kind::use, {"UTF-8"}, [] {
        (void)hc::figure{4, 3}.add({pattern(2, 2), std::string(500, 'x') + "\xe9\x9d"}).draw();
    });
    expect_error(hc::error_kind::use, {"make it larger"}, [] {
        (void)hc::figure{0.3, 0.3}.add({pattern(2, 2), "x"}).draw();
    });
    for (double const inches : {0.0, -1.0, 1e9, not_a_number}) {
        expect_error(hc::error_kind::use, {"16384"}, [&] { hc::figure{inches, 3}; });
        expect_error(hc::error_kind::use, {"16384"}, [&] { hc::figure{3, 3, {.dpi = inches}}; });
    }
    expect_error(hc::error_kind::shape, {"2×2", "3"},
                 [] { (void)hc::heat_panel(std::vector<float>(3), 2, 2, ""); });
    for (auto const& [low, high] : {std::pair{1., 0.}, {0., infinity}, {not_a_number, 1.}}) {
        expect_error(hc::error_kind::use, {"scale"}, [low = low, high = high] {
            (void)hc::heat_panel(std::vector<float>(4), 2, 2, "", {hc::jet, low, high});
        });
        hc::colour_scale const wrong{hc::jet, low, high};
        expect_error(hc::error_kind::use, {"hookcam::figure", "scale"}, [&] {
            hc::figure{4, 3}.add({pattern(2, 2), "", wrong});
        });
        expect_error(hc::error_kind::use, {"hookcam::figure", "scale"}, [&] {
            hc::figure{4, 3}.set_bar(wrong);
        });
    }
    temporary_folder const folder;
    hc::figure{4, 3}.add({pattern(2, 2), ""}).save_png(folder / "figure.png");
    BOOST_TEST(hc::load_picture(folder / "figure.png").width() == 400u);
}

BOOST_AUTO_TEST_SUITE_END()

// --------------------------------------------------------------------------------------------- feature maps

BOOST_AUTO_TEST_SUITE(feature_maps)

/// Three maps of 2×2: 0 to 3, ten times that, and one number.
xt::xtensor<float, 3> const three{{{0, 1}, {2, 3}}, {{0, 10}, {20, 30}}, {{15, 15}, {15, 15}}};

BOOST_AUTO_TEST_CASE(stand_in_a_grid) {
    auto const gray = [](double x) { return hc::gray(x); };
    auto const grid = hc::feature_grid(three, {}, {.columns = 2});
    BOOST_TEST(grid.height() == 5u);
    BOOST_TEST(grid.width() == 5u);
    for (std::size_t const left : {0u, 3u}) { // each by its own range: the first two look alike
        BOOST_TEST((grid.at(0, left) == gray(0)));
        BOOST_TEST((grid.at(0, left + 1) == gray(1. / 3)));
        BOOST_TEST((grid.at(1, left) == gray(2. / 3)));
        BOOST_TEST((grid.at(1, left + 1) == gray(1)));
    }
    BOOST_TEST((grid.at(3, 0) == gray(0))); // one number: the lowest colour
    for (std::size_t i = 0; i < 5; ++i) {   // the lines between, and the place that stays empty
        BOOST_TEST((grid.at(2, i) == white));
        BOOST_TEST((grid.at(i, 2) == white));
    }
    BOOST_TEST((grid.at(3, 3) == white && grid.at(4, 4) == white));

    // More columns than maps are as many.
    BOOST_TEST(
        (hc::feature_grid(three, {}, {.columns = max_size}) == hc::feature_grid(three, {}, {.columns = 3})));

    auto const large = hc::feature_grid(three, {}, {.columns = 2, .zoom = 3});
    BOOST_TEST(large.height() == 15u);
    for (std::size_t y = 0; y < 15; ++y) {
        for (std::size_t x = 0; x < 15; ++x) {
            BOOST_TEST((large.at(y, x) == grid.at(y / 3, x / 3)));
        }
    }
}

BOOST_AUTO_TEST_CASE(compare_by_a_common_range) {
    hc::feature_style style{.colours = hc::viridis, .range = hc::feature_range::common};
    auto const grid = hc::feature_grid(three, style, {.columns = 3});
    BOOST_TEST((grid.at(1, 1) == hc::viridis(0.1)));
    BOOST_TEST((grid.at(1, 4) == hc::viridis(1)));
    BOOST_TEST((grid.at(1, 7) == hc::viridis(0.5)));
    // The range of what is shown: the first map alone goes from 0 to 3.
    style.most = 1;
    auto const first = hc::feature_grid(three, style);
    BOOST_TEST((first.height() == 2u && first.width() == 2u));
    BOOST_TEST((first.at(1, 1) == hc::viridis(1)));
}

BOOST_AUTO_TEST_CASE(are_panels_with_titles) {
    auto const panels = hc::feature_panels(three, "kernel");
    BOOST_REQUIRE(panels.size() == 3u);
    BOOST_TEST(panels[0].title == "kernel 1");
    BOOST_TEST(panels[2].title == "kernel 3");
    BOOST_TEST(!panels[0].bar.has_value());
    BOOST_TEST((panels[1].image == hc::feature_panel(std::vector<float>{0, 10, 20, 30}, 2, 2).image));
    BOOST_TEST(hc::feature_panels(three, "kernel", {.most = 2}).size() == 2u);
    BOOST_TEST(hc::figure(9, 3).add_all(hc::feature_panels(three, "kernel")).draw().width() == 900u);
}

BOOST_AUTO_TEST_CASE(come_from_any_expression_of_their_sizes) {
    auto const grid = hc::feature_grid(three);
    BOOST_TEST((hc::feature_grid(2 * three + 5) == grid)); // not evaluated before
    xt::xtensor<double, 4> batch = xt::zeros<double>({2, 3, 2, 2});
    xt::view(batch, 1) = three;
    BOOST_TEST((hc::feature_grid(xt::view(batch, 1)) == grid));
    BOOST_TEST((hc::feature_grid(xt::view(batch, xt::range(1, 2))) == grid)); // 1,C,H,W
    BOOST_TEST((hc::feature_grid(xt::xarray<float>(three)) == grid));
    BOOST_TEST((hc::feature_grid(xt::xtensor<float, 3, xt::layout_type::column_major>(three)) == grid));
    // NaN is shown as such, and decides no range.
    auto holes = three;
    holes(0, 0, 1) = std::numeric_limits<float>::quiet_NaN();
    BOOST_TEST((hc::feature_grid(holes).at(0, 1) == white));
    BOOST_TEST((hc::feature_grid(holes).at(1, 0) == grid.at(1, 0)));

    expect_error(hc::error_kind::shape, {"feature_grid", "2x3x2x2"}, [&] { (void)hc::feature_grid(batch); });
    expect_error(hc::error_kind::shape, {"feature_panels", "are 4"}, [&] {
        (void)hc::feature_panels(xt::xtensor<float, 1>{1, 2, 3, 4}, "x");
    });
    expect_error(hc::error_kind::shape, {"0x2x2"}, [&] {
        (void)hc::feature_grid(xt::xarray<float>::from_shape({0, 2, 2}));
    });
    expect_error(hc::error_kind::use, {"most"}, [&] { (void)hc::feature_grid(three, {.most = 0}); });
    expect_error(hc::error_kind::use, {"zoom"}, [&] { (void)hc::feature_grid(three, {}, {.zoom = 0}); });
}

BOOST_AUTO_TEST_CASE(fill_a_grid_that_looks_well) {
    struct choice {
        std::size_t count, height, width, columns;
    };
    for (auto const& [count, height, width, columns] : {choice{1, 8, 8, 1},
                                                        {2, 8, 8, 2},
                                                        {3, 8, 8, 3},
                                                        {6, 8, 8, 3},
                                                        {7, 8, 8, 4},
                                                        {10, 8, 8, 5},
                                                        {13, 8, 8, 5},
                                                        {16, 8, 8, 4},
                                                        {32, 8, 8, 8},
                                                        {64, 8, 8, 8},
                                                        {96, 8, 8, 12},
                                                        {128, 8, 8, 16},
                                                        {4, 10, 40, 1},
                                                        {4, 40, 10, 4},
                                                        {1, 100, 1, 1},
                                                        {3, 100, 1, 3}}) {
        BOOST_TEST(hc::detail::choose_columns(count, height, width) == columns,
                   count << " maps of " << height << "×" << width << " in "
                         << hc::detail::choose_columns(count, height, width) << " columns");
    }
    auto const grid = hc::feature_grid(xt::zeros<float>({512, 4, 4})); // the first 64
    BOOST_TEST(grid.width() == 8u * 5 - 1);
    BOOST_TEST(grid.height() == 8u * 5 - 1);
}

BOOST_AUTO_TEST_SUITE_END()
