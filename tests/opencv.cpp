#define BOOST_TEST_MODULE opencv
#include <boost/test/unit_test.hpp>

#include <hookcam/data.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/io.hpp>
#include <hookcam/opencv.hpp>
#include <hookcam/viz.hpp>

#include "../examples/networks/simple_cnn.hpp"
#include "expect_error.hpp"
#include "xtensor.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace hc = hookcam;

namespace {

constexpr hc::normalization imagenet{
    .range = 255, .mean = {0.485, 0.456, 0.406}, .deviation = {0.229, 0.224, 0.225}};

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

/// Bytes of a known pattern, in which no two channels are alike.
cv::Mat pattern(int height, int width, int type = CV_8UC3) {
    cv::Mat result(height, width, type);
    auto* const bytes = result.ptr();
    for (std::size_t i = 0; i < result.total() * result.elemSize(); ++i)
        bytes[i] = static_cast<std::uint8_t>(i * 37 + i / 256);
    return result;
}

/// b/255 for each byte b, rounded once.
cv::Mat to_float(cv::Mat const& bytes) {
    cv::Mat result(bytes.rows, bytes.cols, CV_32FC(bytes.channels()));
    for (int y = 0; y < bytes.rows; ++y)
        std::transform(bytes.ptr(y), bytes.ptr(y) + bytes.cols * bytes.channels(), result.ptr<float>(y),
                       [](std::uint8_t b) { return static_cast<float>(b) / 255; });
    return result;
}

bool same(cv::Mat const& a, cv::Mat const& b) {
    return a.size() == b.size() && a.type() == b.type() && cv::norm(a, b, cv::NORM_INF) == 0;
}

/// A heatmap from 0 to 1, another value everywhere.
xt::xtensor<float, 2> slope(std::size_t height, std::size_t width) {
    return xt::linspace<float>(0, 1, height * width).reshape({height, width});
}

hc::picture overlay_of(hc::picture const& image, xt::xtensor<float, 2> const& heat,
                       hc::colormap const& colours, double alpha) {
    return hc::overlay(image, std::span{heat.data(), heat.size()}, colours, alpha);
}

/// What a user has of a camera: `read` gives one frame after another, here pictures of CIFAR-10.
class camera {
public:
    camera() : m_pictures{std::filesystem::path{HOOKCAM_SOURCE_DIR} / "examples/data/cifar10_test_200.bin"} {}

    bool read(cv::Mat& frame) {
        if (m_next == 5)
            return false;
        frame = hc::to_mat(m_pictures.picture(m_next++));
        return true;
    }

private:
    hc::cifar10_file m_pictures;
    std::size_t m_next = 0;
};

} // namespace

// ----------------------------------------------------------------------------------------- as a user has it

BOOST_AUTO_TEST_CASE(a_camera_is_explained_frame_by_frame) {
    auto const data = std::filesystem::path{HOOKCAM_SOURCE_DIR} / "examples/data";
    auto const model = hc::load<networks::simple_cnn>(data / "cifar10_cnn.safetensors");
    std::vector<cv::Mat> shown;
    auto const show = [&](cv::Mat const& picture) { shown.push_back(picture); };
    camera capture;

    hc::normalization const input{.range = 255, .mean = {0.5, 0.5, 0.5}, .deviation = {0.5, 0.5, 0.5}};
    auto look = hc::plan<hc::image<3, 32, 32>>(model, hc::grad_cam_request<"conv3">{});
    for (cv::Mat frame; capture.read(frame);) {
        auto const& cam = look(hc::image_tensor<float>(frame, input));
        show(hc::overlay(frame, cam.heatmap));
    }

    BOOST_TEST_REQUIRE(shown.size() == 5u);
    hc::cifar10_file const pictures{data / "cifar10_test_200.bin"};
    for (std::size_t i = 0; i < shown.size(); ++i) { // the same without OpenCV
        auto const picture = pictures.picture(i);
        auto const cam = hc::grad_cam<"conv3">(model, hc::image_tensor<float>(picture, input));
        auto const wanted = hc::overlay(picture, std::span{cam.heatmap.data(), cam.heatmap.size()});
        BOOST_TEST((hc::to_picture(shown[i]) == wanted));
    }
}

// ------------------------------------------------------------------------------------------------- pictures in

BOOST_AUTO_TEST_CASE(red_stays_red_on_the_way_in) {
    cv::Vec3b const red{0, 0, 255}; // OpenCV's order: blue, green, red
    auto const picture = hc::to_picture(cv::Mat(1, 1, CV_8UC3, red));
    BOOST_TEST((picture == hc::picture::filled(1, 1, {255, 0, 0})));
    auto const from_float = hc::to_picture(cv::Mat(1, 1, CV_32FC3, cv::Scalar{0, 0, 1}));
    BOOST_TEST((from_float == picture));
    auto const tensor = hc::image_tensor<float>(cv::Mat(1, 1, CV_8UC3, red), {});
    BOOST_TEST(tensor(0, 0, 0) == 1.0f);
    BOOST_TEST(tensor(1, 0, 0) == 0.0f);
    BOOST_TEST(tensor(2, 0, 0) == 0.0f);
}

BOOST_AUTO_TEST_CASE(red_stays_red_on_the_way_out) {
    auto const mat = hc::to_mat(hc::picture::filled(1, 1, {255, 20, 3}));
    BOOST_TEST(mat.type() == CV_8UC3);
    BOOST_TEST((mat.at<cv::Vec3b>(0, 0) == cv::Vec3b{3, 20, 255}));
}

BOOST_AUTO_TEST_CASE(bytes_come_back_as_they_were) {
    for (auto const& [height, width] : {std::pair{1, 1}, {1, 7}, {5, 1}, {13, 18}, {100, 101}}) {
        auto const mat = pattern(height, width);
        auto const picture = hc::to_picture(mat);
        BOOST_TEST(picture.height() == static_cast<std::size_t>(height));
        BOOST_TEST(picture.width() == static_cast<std::size_t>(width));
        BOOST_TEST(same(hc::to_mat(picture), mat));
        BOOST_TEST((hc::to_picture(hc::to_mat(picture)) == picture));
    }
}

BOOST_AUTO_TEST_CASE(channels_are_those_that_opencv_swaps) {
    auto const bgr = pattern(9, 11);
    cv::Mat rgb(bgr.size(), bgr.type());
    cv::mixChannels(bgr, rgb, {0, 2, 1, 1, 2, 0});
    auto const picture = hc::to_picture(bgr);
    BOOST_TEST(std::ranges::equal(picture.bytes(), std::span{rgb.ptr(), rgb.total() * 3}));
}

BOOST_AUTO_TEST_CASE(gray_is_three_equal_channels) {
    auto const mat = pattern(3, 5, CV_8UC1);
    auto const picture = hc::to_picture(mat);
    cv::Mat merged;
    cv::merge(std::vector{mat, mat, mat}, merged);
    BOOST_TEST(same(hc::to_mat(picture), merged));
    BOOST_TEST((hc::to_picture(to_float(mat)) == picture));
    auto const tensor = hc::image_tensor<double>(mat, imagenet);
    BOOST_TEST((tensor == hc::image_tensor<double>(merged, imagenet)));
    BOOST_TEST((tensor == hc::image_tensor<double>(picture, imagenet)));
}

BOOST_AUTO_TEST_CASE(floats_become_the_nearest_byte_and_halves_the_even_one) {
    auto const byte_of = [](float value) {
        return hc::to_picture(cv::Mat(1, 1, CV_32FC1, cv::Scalar::all(value))).at(0, 0)[0];
    };
    for (int b = 0; b < 256; ++b)
        BOOST_TEST(byte_of(static_cast<float>(b) / 255) == b);
    // 255/510 is 0.5 exactly, and 255·0.1 is 25.5 in float: ties.
    BOOST_TEST(255 * 0.5f == 127.5f);
    BOOST_TEST(byte_of(0.5f) == 128);
    BOOST_TEST(255 * 0.1f == 25.5f);
    BOOST_TEST(byte_of(0.1f) == 26);
    BOOST_TEST(255 * 0.7f == 178.5f);
    BOOST_TEST(byte_of(0.7f) == 178);
    BOOST_TEST(byte_of(0.4999f) == 127);
    BOOST_TEST(byte_of(-0.0f) == 0);
    BOOST_TEST(byte_of(-3.0f) == 0);
    BOOST_TEST(byte_of(1.5f) == 255);
    BOOST_TEST(byte_of(3e38f) == 255); // 255 times it is infinite
    BOOST_TEST(byte_of(infinity) == 255);
    BOOST_TEST(byte_of(-infinity) == 0);
    BOOST_TEST(byte_of(not_a_number) == 0);
}

BOOST_AUTO_TEST_CASE(floats_become_the_bytes_of_opencv) {
    cv::Mat mat(64, 64, CV_32FC3);
    cv::RNG random{7};
    random.fill(mat, cv::RNG::UNIFORM, -0.2, 1.2);
    cv::Mat bytes;
    mat.convertTo(bytes, CV_8U, 255);
    BOOST_TEST(same(hc::to_mat(hc::to_picture(mat)), bytes));
}

BOOST_AUTO_TEST_CASE(parts_of_a_mat_are_read_where_they_are) {
    auto const whole = pattern(12, 17);
    auto const part = whole(cv::Rect{4, 3, 6, 5});
    BOOST_TEST(!part.isContinuous());
    auto const copy = part.clone();
    BOOST_TEST((hc::to_picture(part) == hc::to_picture(copy)));
    BOOST_TEST((hc::to_picture(part).at(0, 0) == hc::to_picture(whole).at(3, 4)));
    BOOST_TEST((hc::to_picture(to_float(whole)(cv::Rect{4, 3, 6, 5})) == hc::to_picture(copy)));
    BOOST_TEST((hc::image_tensor<float>(part, imagenet) == hc::image_tensor<float>(copy, imagenet)));
    BOOST_TEST(same(hc::overlay(part, slope(5, 6)), hc::overlay(copy, slope(5, 6))));
    // A column, and memory of the user's with a step of its own.
    BOOST_TEST((hc::to_picture(whole.col(16)) == hc::to_picture(whole.col(16).clone())));
    std::vector<std::uint8_t> memory(3 * 20, 9);
    cv::Mat const borrowed(3, 5, CV_8UC3, memory.data(), 20);
    BOOST_TEST((hc::to_picture(borrowed) == hc::picture::filled(3, 5, {9, 9, 9})));
}

BOOST_AUTO_TEST_CASE(other_mats_are_refused_by_name) {
    auto const refuse_all = [](cv::Mat const& mat, hc::error_kind kind, std::string const& type) {
        std::vector<float> out(12);
        expect_error(kind, {"hookcam::to_picture: the Mat must", type}, [&] { (void)hc::to_picture(mat); });
        expect_error(kind, {"hookcam::image_tensor: the Mat must", type},
                     [&] { (void)hc::image_tensor<float>(mat, imagenet); });
        expect_error(kind, {"hookcam::normalize: the Mat must", type},
                     [&] { hc::normalize(mat, imagenet, std::span{out}); });
        expect_error(kind, {"hookcam::overlay: the Mat must", type},
                     [&] { (void)hc::overlay(mat, slope(2, 2)); });
    };
    using enum hc::error_kind;
    refuse_all({}, shape, "CV_8UC1");
    refuse_all(cv::Mat(0, 5, CV_8UC3), shape, "empty (CV_8UC3)");
    int const sizes[]{2, 2, 2};
    refuse_all(cv::Mat(3, sizes, CV_8UC3, cv::Scalar{}), shape, "CV_8UC3 in 3 dimensions");
    refuse_all(cv::Mat(2, 2, CV_16SC2, cv::Scalar{}), use, "it is CV_16SC2");
    refuse_all(cv::Mat(2, 2, CV_8UC4, cv::Scalar{}), use, "it is CV_8UC4");
    refuse_all(cv::Mat(2, 2, CV_8SC3, cv::Scalar{}), use, "it is CV_8SC3");
    refuse_all(cv::Mat(2, 2, CV_8UC2, cv::Scalar{}), use, "it is CV_8UC2");
    refuse_all(cv::Mat(2, 2, CV_16UC1, cv::Scalar{}), use, "it is CV_16UC1");
    refuse_all(cv::Mat(2, 2, CV_64FC3, cv::Scalar{}), use, "it is CV_64FC3");
    refuse_all(cv::Mat(2, 2, CV_16FC3), use, "it is CV_16FC3");
}

// ------------------------------------------------------------------------------------------------- tensors in

BOOST_AUTO_TEST_CASE_TEMPLATE(bytes_become_the_tensor_of_their_picture, T,
                              decltype(std::tuple<float, double>{})) {
    auto const mat = pattern(20, 31);
    auto const wanted = hc::image_tensor<T>(hc::to_picture(mat), imagenet);
    auto const tensor = hc::image_tensor<T>(mat, imagenet);
    BOOST_TEST((tensor == wanted)); // the bits
    std::vector<T> values(wanted.size());
    hc::normalize(mat, imagenet, std::span{values});
    BOOST_TEST(std::ranges::equal(values, wanted));
    // And closed: blue of row 4, column 9.
    auto const blue = static_cast<T>(mat.at<cv::Vec3b>(4, 9)[0]);
    BOOST_TEST(tensor(2, 4, 9) == (blue / 255 - static_cast<T>(0.406)) / static_cast<T>(0.225));
}

BOOST_AUTO_TEST_CASE(a_byte_and_its_float_give_the_same_bits) {
    cv::Mat bytes(1, 256, CV_8UC1);
    for (int b = 0; b < 256; ++b)
        bytes.at<std::uint8_t>(0, b) = static_cast<std::uint8_t>(b);
    for (auto const& how : {imagenet, hc::normalization{.range = 1, .mean = {123, 117, 104}}})
        BOOST_TEST((hc::image_tensor<float>(to_float(bytes), how) == hc::image_tensor<float>(bytes, how)));
}

BOOST_AUTO_TEST_CASE(floats_keep_what_bytes_would_lose) {
    cv::Mat const mat = (cv::Mat_<float>(1, 3) << 0.12345f, -0.5f, 2.0f);
    auto const tensor = hc::image_tensor<double>(mat, {});
    // 255·x/255 in double: x to a rounding or two.
    BOOST_TEST(std::abs(tensor(1, 0, 0) - static_cast<double>(0.12345f)) < 1e-16);
    BOOST_TEST(tensor(1, 0, 1) == -0.5);
    BOOST_TEST(tensor(1, 0, 2) == 2.0);
}

BOOST_AUTO_TEST_CASE(the_tensor_is_what_opencv_computes) {
    auto const mat = pattern(16, 16);
    cv::Mat scaled;
    mat.convertTo(scaled, CV_64F, 1 / 255.0);
    scaled -= cv::Scalar{0.406, 0.456, 0.485};
    cv::divide(scaled, cv::Scalar{0.225, 0.224, 0.229}, scaled);
    std::vector<cv::Mat> planes;
    cv::split(scaled, planes);
    auto const tensor = hc::image_tensor<double>(mat, imagenet);
    for (std::size_t c = 0; c < 3; ++c) {
        cv::Mat const ours(16, 16, CV_64FC1, const_cast<double*>(tensor.data()) + c * 256);
        BOOST_TEST(cv::norm(ours, planes[2 - c], cv::NORM_INF) < 1e-14); // a few roundings of values up to 3
    }
}

BOOST_AUTO_TEST_CASE(normalize_refuses_another_size_and_division_by_zero) {
    std::vector<float> values(11);
    expect_error(hc::error_kind::shape, {"hookcam::normalize", "12", "11"},
                 [&] { hc::normalize(pattern(2, 2), imagenet, std::span{values}); });
    expect_error(hc::error_kind::use, {"hookcam::normalize", "channel 1"}, [] {
        (void)hc::image_tensor<float>(pattern(2, 2), {.deviation = {1, 0, 1}});
    });
}

// -------------------------------------------------------------------------------------------------- heatmaps out

BOOST_AUTO_TEST_CASE(a_heatmap_becomes_a_mat_of_its_values) {
    auto const heat = slope(3, 4);
    auto const mat = hc::to_mat(heat);
    BOOST_TEST(mat.type() == CV_32FC1);
    BOOST_TEST((mat.size() == cv::Size{4, 3}));
    BOOST_TEST(mat.at<float>(1, 2) == heat(1, 2));
    BOOST_TEST(mat.at<float>(2, 3) == 1.0f);
    // The other forms hold the same.
    xt::xtensor<float, 3> const batch = xt::view(heat, xt::newaxis(), xt::all(), xt::all());
    BOOST_TEST(same(hc::to_mat(batch), mat));
    BOOST_TEST(same(hc::to_mat(xt::view(batch, 0)), mat));
    BOOST_TEST(same(hc::to_mat(std::span{heat.data(), heat.size()}, 3, 4), mat));
    BOOST_TEST(same(hc::to_mat(xt::xtensor<double, 2>{heat}), mat));
    BOOST_TEST(same(hc::to_mat(xt::xarray<float>{heat}), mat));
    xt::xtensor<float, 2, xt::layout_type::column_major> const by_columns = heat;
    BOOST_TEST(same(hc::to_mat(by_columns), mat));
    BOOST_TEST(same(hc::to_mat(xt::transpose(heat)), mat.t()));
}

BOOST_AUTO_TEST_CASE(a_heatmap_in_colours_has_those_of_its_map) {
    xt::xtensor<float, 2> heat = slope(7, 5);
    heat(3, 3) = not_a_number;
    heat(4, 4) = -1;
    for (auto const& colours : {hc::jet, hc::gray}) {
        auto const mat = hc::to_mat(heat, colours);
        BOOST_TEST(mat.type() == CV_8UC3);
        auto const picture = hc::to_picture(mat);
        for (std::size_t y = 0; y < 7; ++y)
            for (std::size_t x = 0; x < 5; ++x)
                BOOST_TEST((picture.at(y, x) == colours(static_cast<double>(heat(y, x)))));
        BOOST_TEST(same(hc::to_mat(std::span{heat.data(), heat.size()}, 7, 5, colours), mat));
    }
    // jet ends in a dark red, which OpenCV has last.
    BOOST_TEST((hc::to_mat(slope(7, 5), hc::jet).at<cv::Vec3b>(6, 4) == cv::Vec3b{0, 0, 127}));
}

BOOST_AUTO_TEST_CASE(heatmaps_of_other_shapes_are_refused) {
    using enum hc::error_kind;
    auto const refuse_shape = [](auto const& heat, std::string const& text) {
        expect_error(shape, {"hookcam::to_mat", "H,W", text}, [&] { (void)hc::to_mat(heat); });
        expect_error(shape, {"hookcam::to_mat", "H,W", text}, [&] { (void)hc::to_mat(heat, hc::jet); });
        expect_error(shape, {"hookcam::overlay", "H,W", text},
                     [&] { (void)hc::overlay(pattern(4, 4), heat); });
    };
    refuse_shape(xt::xtensor<float, 3>{xt::zeros<float>({2, 4, 4})}, "2x4x4");
    refuse_shape(xt::xtensor<float, 1>{xt::zeros<float>({16})}, "16");
    refuse_shape(xt::xarray<double>{xt::zeros<double>({1, 1, 4, 4})}, "1x1x4x4");
    expect_error(shape, {"hookcam::to_mat", "0 and 4"}, [] {
        (void)hc::to_mat(xt::xtensor<float, 2>::from_shape({0, 4}));
    });
    expect_error(shape, {"hookcam::to_mat", "0 and 0"}, [] { (void)hc::to_mat(hc::picture{}); });
    std::vector<float> const values(12);
    for (auto const& [height, width] : {std::pair{3u, 5u}, {0u, 4u}, {4u, 0u}, {13u, 1u}})
        expect_error(shape, {"hookcam::to_mat", "12 values"},
                     [&, h = height, w = width] { (void)hc::to_mat(std::span{values}, h, w); });
}

// -------------------------------------------------------------------------------------------------------- overlay

BOOST_AUTO_TEST_CASE(an_overlay_is_that_of_the_picture) {
    xt::xtensor<float, 2> heat = slope(10, 13);
    heat(2, 2) = not_a_number;
    auto const frame = pattern(10, 13);
    auto const before = frame.clone();
    auto const picture = hc::to_picture(frame);
    BOOST_TEST((hc::to_picture(hc::overlay(frame, heat)) == overlay_of(picture, heat, hc::jet, 0.4)));
    BOOST_TEST((hc::to_picture(hc::overlay(frame, heat, hc::gray, 0.7)) ==
                overlay_of(picture, heat, hc::gray, 0.7)));
    BOOST_TEST(
        (hc::to_picture(hc::overlay(to_float(frame), heat)) == overlay_of(picture, heat, hc::jet, 0.4)));
    BOOST_TEST(same(hc::overlay(frame, heat, hc::jet, 0), before));
    BOOST_TEST(same(frame, before));
    auto const dark = pattern(10, 13, CV_8UC1);
    BOOST_TEST(
        (hc::to_picture(hc::overlay(dark, heat)) == overlay_of(hc::to_picture(dark), heat, hc::jet, 0.4)));
    // In double too, which decides by other bits.
    xt::xtensor<double, 2> const fine = xt::linspace<double>(0, 1, 130).reshape({10, 13});
    BOOST_TEST((hc::to_picture(hc::overlay(frame, fine)) ==
                hc::overlay(picture, std::span{fine.data(), fine.size()})));
}

BOOST_AUTO_TEST_CASE(a_heatmap_may_be_a_mat) {
    auto const heat = slope(10, 13);
    auto const frame = pattern(10, 13);
    auto const wanted = hc::overlay(frame, heat);
    BOOST_TEST(same(hc::overlay(frame, hc::to_mat(heat)), wanted));
    cv::Mat larger(20, 20, CV_32FC1, cv::Scalar{0.5});
    auto const part = larger(cv::Rect{3, 4, 13, 10});
    hc::to_mat(heat).copyTo(part);
    BOOST_TEST(same(hc::overlay(frame, part), wanted));
    expect_error(hc::error_kind::use, {"hookcam::overlay", "CV_32FC1", "CV_64FC1"},
                 [&] { (void)hc::overlay(frame, cv::Mat(10, 13, CV_64FC1, cv::Scalar{})); });
    expect_error(hc::error_kind::shape, {"hookcam::overlay", "empty"},
                 [&] { (void)hc::overlay(frame, cv::Mat{}); });
}

BOOST_AUTO_TEST_CASE(an_overlay_of_another_size_is_refused) {
    auto const frame = pattern(10, 13);
    for (auto const& [height, width] : {std::pair{13u, 10u}, {10u, 12u}, {5u, 26u}}) {
        std::vector const words{std::string{"hookcam::overlay"}, std::string{"10×13"},
                                std::to_string(height) + "×" + std::to_string(width)};
        auto const heat = slope(height, width);
        expect_error(hc::error_kind::shape, words, [&] { (void)hc::overlay(frame, heat); });
        expect_error(hc::error_kind::shape, words, [&] { (void)hc::overlay(frame, hc::to_mat(heat)); });
    }
    expect_error(hc::error_kind::use, {"hookcam::overlay", "alpha"},
                 [&] { (void)hc::overlay(frame, slope(10, 13), hc::jet, 1.5); });
}
