#define BOOST_TEST_MODULE camera_stream
#include <boost/test/unit_test.hpp>

#include <hookcam/data.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/io.hpp>
#include <hookcam/viz/png.hpp>

#include "../examples/networks/simple_cnn.hpp"
#include "run_program.hpp"
#include "temporary_folder.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

namespace hc = hookcam;
namespace fs = std::filesystem;

namespace {

fs::path const shipped = fs::path{HOOKCAM_SOURCE_DIR} / "examples/data";
std::string const weights = shipped / "cifar10_cnn.safetensors";
std::string const pictures = shipped / "cifar10_test_200.bin";

constexpr std::size_t frames = 20;

/// What the program must say about the first frames: each class by `model(x)`, each place by `grad_cam`.
std::vector<std::string> wanted_lines() {
    auto const model = hc::load<networks::simple_cnn>(weights);
    hc::cifar10_file const file{pictures};
    std::vector<std::string> lines;
    for (std::size_t n = 0; n < frames; ++n) {
        auto const x =
            hc::image_tensor<float>(file.picture(n), {.mean = {0.5, 0.5, 0.5}, .deviation = {0.5, 0.5, 0.5}});
        auto const logits = model(x);
        auto const best = std::max_element(logits.begin(), logits.end()) - logits.begin();
        auto line = "frame " + std::to_string(n) + ": " +
                    std::string{hc::cifar10_classes[static_cast<std::size_t>(best)]};
        auto const cam = hc::grad_cam<"conv3">(model, x);
        auto const place = std::max_element(cam.heatmap.begin(), cam.heatmap.end()) - cam.heatmap.begin();
        if (cam.status[0] == hc::cam_status::ok)
            line += ", most at row " + std::to_string(place / 32) + ", column " + std::to_string(place % 32);
        else if (cam.status[0] == hc::cam_status::flat)
            line += ", the same everywhere";
        else
            line += ", though nothing in the layer speaks for it";
        lines.push_back(line);
    }
    lines.push_back(std::to_string(frames) + " frames");
    return lines;
}

std::vector<std::string> lines_of(std::string const& text) {
    std::istringstream stream{text};
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    return lines;
}

} // namespace

BOOST_AUTO_TEST_CASE(every_frame_is_explained_as_alone) {
    auto const result = run_program(HOOKCAM_CAMERA_STREAM, {weights, pictures, std::to_string(frames)});
    BOOST_TEST(result.status == 0);
    BOOST_TEST(lines_of(result.output) == wanted_lines(), boost::test_tools::per_element());
    std::istringstream rate{result.errors};
    double number = 0;
    std::string unit;
    std::getline(rate >> number, unit);
    BOOST_TEST(number > 0);
    BOOST_TEST(number < 1e6); // no machine is that fast
    BOOST_TEST(unit == " frames per second");
}

BOOST_AUTO_TEST_CASE(a_folder_is_read_in_the_order_of_its_names) {
    temporary_folder const folder;
    hc::cifar10_file const file{pictures};
    for (std::size_t n = frames; n-- > 0;) // written in another order
        hc::save_png(folder / ("frame_" + std::to_string(100 + n) + (n % 2 == 0 ? ".png" : ".PNG")),
                     file.picture(n));
    hc::replace_file(folder / "notes.txt", std::vector<unsigned char>{'n', 'o'});
    auto const result = run_program(HOOKCAM_CAMERA_STREAM, {weights, "--folder", folder / ""});
    BOOST_TEST(result.status == 0);
    BOOST_TEST(lines_of(result.output) == wanted_lines(), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(wrong_uses_end_with_a_sentence) {
    for (auto const& arguments :
         std::vector<std::vector<std::string>>{{},
                                               {weights},
                                               {weights, pictures, "few"},
                                               {weights, pictures, ""},
                                               {weights, pictures, "99999999999999999999"},
                                               {weights, pictures, "1", "2"}}) {
        auto const result = run_program(HOOKCAM_CAMERA_STREAM, arguments);
        BOOST_TEST(result.status == 1);
        BOOST_TEST(result.errors.starts_with("use it as: camera_stream WEIGHTS"));
    }
    BOOST_TEST(run_program(HOOKCAM_CAMERA_STREAM, {weights, "--folder", "no/such"}).status == 1);
    temporary_folder const empty;
    auto const none = run_program(HOOKCAM_CAMERA_STREAM, {weights, "--folder", empty / ""});
    BOOST_TEST(none.status == 1);
    BOOST_TEST(none.output == "");
    BOOST_TEST(none.errors.find("PNG or JPEG") != std::string::npos);
    BOOST_TEST(run_program(HOOKCAM_CAMERA_STREAM, {weights, "no/such.bin"}).errors.find("no/such.bin") !=
               std::string::npos);
}
