// The tutorial's programs beside what they print: their pictures, and PyTorch's values for the lesson's own weights.
#define BOOST_TEST_MODULE tutorial
#include "run_program.hpp"

#include <hookcam/data.hpp>
#include <hookcam/io.hpp>

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

namespace hc = hookcam;
namespace fs = std::filesystem;

namespace {

fs::path const source = HOOKCAM_SOURCE_DIR;
fs::path const reference = fs::path{HOOKCAM_SHARED_DIR} / "reference/torch/simple_model.safetensors";

/// How much is drawn above a figure's panels, which is their titles: down to the first row that is mostly not
/// white, the panels' frames.
double ink_above_panels(hc::picture const& figure) {
    double ink = 0;
    for (std::size_t y = 0; y < figure.height(); ++y) {
        std::size_t drawn = 0;
        double ink_of_row = 0;
        for (std::size_t x = 0; x < figure.width(); ++x) {
            auto const [red, green, blue] = figure.at(y, x);
            int const darkness = 3 * 255 - red - green - blue;
            drawn += darkness > 0 ? 1 : 0;
            ink_of_row += darkness;
        }
        if (2 * drawn > figure.width())
            return ink;
        ink += ink_of_row;
    }
    return ink;
}

/// A program's own picture is that of the documentation. Another version of Cairo, or of its fonts, draws
/// letters a little differently, and another BLAS may move a colour by a step: so the sizes must be equal,
/// and the bytes of all pixels on average to 1 in 255. A panel of another map differs by more than ten.
/// Titles are too small for that, so the ink above the panels must weigh the same to a tenth, less than one
/// title of six.
void compare_picture(std::string const& program, std::vector<std::string> const& arguments,
                     std::string const& name) {
    temporary_folder const folder;
    auto const ran = run_program(program, arguments, folder / "");
    BOOST_TEST_REQUIRE(ran.status == 0, ran.errors);
    auto const drawn = hc::load_picture(folder / name);
    auto const shown = hc::load_picture(source / "docs/images/tutorial" / name);
    BOOST_TEST_REQUIRE(drawn.height() == shown.height());
    BOOST_TEST_REQUIRE(drawn.width() == shown.width());
    double apart = 0;
    for (std::size_t i = 0; i < drawn.bytes().size(); ++i)
        apart += std::abs(drawn.bytes()[i] - shown.bytes()[i]);
    BOOST_TEST(apart / static_cast<double>(drawn.bytes().size()) < 1.0);
    double const ink = ink_above_panels(shown);
    BOOST_TEST(ink > 0);
    BOOST_TEST(std::abs(ink_above_panels(drawn) - ink) < 0.1 * ink);
}

/// The numbers of the lines that hold nothing else.
std::vector<double> table_of(std::string const& text) {
    std::vector<double> numbers;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words{line};
        std::vector<double> row;
        bool is_row = true;
        for (std::string word; words >> word;) {
            char* end = nullptr;
            row.push_back(std::strtod(word.c_str(), &end));
            is_row = is_row && *end == '\0';
        }
        if (is_row)
            numbers.insert(numbers.end(), row.begin(), row.end());
    }
    return numbers;
}

void compare_with_pytorch(std::string const& program, std::vector<std::string> const& keys) {
    if (!fs::exists(reference)) {
        BOOST_TEST_MESSAGE("skipped: HOOKCAM_SHARED_DIR has no reference/torch/simple_model.safetensors");
        return;
    }
    temporary_folder const folder;
    auto const ran = run_program(program, {reference.string()}, folder / "");
    BOOST_TEST_REQUIRE(ran.status == 0, ran.errors);
    auto const values = hc::read_weights(reference);
    std::vector<double> expected;
    for (auto const& key : keys)
        for (double const value : values.find(key)->to<double>())
            expected.push_back(value);
    auto const printed = table_of(ran.output);
    BOOST_TEST_REQUIRE(printed.size() == expected.size());
    // Six digits are printed; sums of 9 to 36 products of floats near one are good to 1e-6.
    for (std::size_t i = 0; i < printed.size(); ++i)
        BOOST_TEST(std::abs(printed[i] - expected[i]) < 1e-6 + 5e-6 * std::abs(expected[i]));
}

std::vector<std::string> const sample_data{(source / "examples/data").string()};

} // namespace

BOOST_AUTO_TEST_CASE(forward_hook_draws) {
    compare_picture(HOOKCAM_04_FORWARD_HOOK, {}, "forward_hook.png");
}
BOOST_AUTO_TEST_CASE(weights_draw_before_and_after) {
    compare_picture(HOOKCAM_10_WEIGHTS, sample_data, "before_and_after.png");
}
BOOST_AUTO_TEST_CASE(figure_draws) {
    compare_picture(HOOKCAM_12_FIGURE, sample_data, "grad_cam_result.png");
}
BOOST_AUTO_TEST_CASE(features_draw) {
    compare_picture(HOOKCAM_13_FEATURES, sample_data, "features.png");
}

BOOST_AUTO_TEST_CASE(channels_draw) {
    compare_picture(HOOKCAM_17_CHANNELS, sample_data, "channels.png");
}

BOOST_AUTO_TEST_CASE(forward_hook_sees_what_pytorch_shows) {
    compare_with_pytorch(HOOKCAM_04_FORWARD_HOOK, {"conv.output"});
}
BOOST_AUTO_TEST_CASE(backward_hook_sees_what_pytorch_shows) {
    compare_with_pytorch(HOOKCAM_06_BACKWARD_HOOK, {"conv.grad_output", "conv.grad_input"});
}
