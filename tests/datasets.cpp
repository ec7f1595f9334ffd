#define BOOST_TEST_MODULE datasets
#include <boost/test/unit_test.hpp>

#include <hookcam/data/cifar10_dataset.hpp>
#include <hookcam/data/image_folder.hpp>
#include <hookcam/data/subset.hpp>
#include <hookcam/viz/png.hpp>

#include "expect_error.hpp"
#include "temporary_folder.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace hc = hookcam;
namespace fs = std::filesystem;

namespace {

using bytes = std::vector<std::uint8_t>;

static_assert(hc::dataset<hc::cifar10> && hc::dataset<hc::image_folder> &&
              hc::dataset<hc::subset<hc::cifar10>>);
static_assert(!hc::dataset<hc::cifar10_file> && !hc::dataset<int>);

struct numbers {
    std::size_t size() const { return 3; }
    hc::image_shape shape() const { return {1, 1, 1}; }
    std::int64_t read(std::size_t index, hc::image_span<double> image) const {
        image(0, 0, 0) = static_cast<double>(index) / 10;
        return -static_cast<std::int64_t>(index);
    }
};
static_assert(hc::dataset<numbers> && std::same_as<hc::dataset_value<numbers>, double>);
static_assert(std::same_as<hc::dataset_value<hc::cifar10>, std::uint8_t>);

/// Records of CIFAR-10: picture i of label i % 10 is of bytes that follow from `first` + i.
bytes records(std::size_t count, std::size_t first = 0) {
    bytes all(count * hc::cifar10_file::record_bytes);
    for (std::size_t i = 0; i < count; ++i) {
        auto* const record = all.data() + i * hc::cifar10_file::record_bytes;
        record[0] = static_cast<std::uint8_t>((first + i) % 10);
        std::fill_n(record + 1, 3072, static_cast<std::uint8_t>(first + i));
    }
    return all;
}

void write(fs::path const& path, bytes const& content) {
    fs::create_directories(path.parent_path());
    std::ofstream{path, std::ios::binary}.write(reinterpret_cast<char const*>(content.data()),
                                                static_cast<std::streamsize>(content.size()));
}

/// What a data set writes, and the label.
template <class Data>
std::pair<bytes, std::int64_t> read(Data const& data, std::size_t index) {
    bytes image(data.shape().size());
    auto const label = data.read(index, {image.data(), data.shape()});
    return {image, label};
}

std::string const shared_cifar10 =
    std::string{HOOKCAM_SHARED_DIR}.empty() ? "" : std::string{HOOKCAM_SHARED_DIR} + "/data/cifar10";

bool is_there(std::string const& folder) {
    bool const found = !folder.empty() && fs::exists(folder + "/data_batch_5.bin");
    if (!found) {
        BOOST_TEST_MESSAGE("skipped: CIFAR-10 is not there");
    }
    return found;
}

} // namespace

// ------------------------------------------------------------------------------------------------ CIFAR-10

BOOST_AUTO_TEST_CASE(cifar10_as_it_is) {
    if (!is_there(shared_cifar10)) {
        return;
    }
    hc::cifar10 const training{shared_cifar10};
    BOOST_TEST(training.size() == 50000u);
    std::array<std::size_t, 10> counts{};
    std::array<double, 3> sum{};
    std::array<double, 3> squares{};
    bytes image(3072);
    for (std::size_t i = 0; i < training.size(); ++i) {
        auto const label = training.read(i, {image.data(), training.shape()});
        BOOST_REQUIRE_EQUAL(label, training.label(i));
        ++counts.at(static_cast<std::size_t>(label));
        for (std::size_t k = 0; k < image.size(); ++k) {
            double const x = image[k] / 255.0;
            sum[k / 1024] += x;
            squares[k / 1024] += x * x;
        }
    }
    for (auto const count : counts) {
        BOOST_TEST(count == 5000u); // as its authors say
    }
    for (std::size_t c = 0; c < 3; ++c) { // the constants have four decimals
        double const mean = sum[c] / (50000.0 * 1024);
        BOOST_TEST(std::abs(mean - hc::cifar10_own.mean[c]) < 5e-5);
        BOOST_TEST(std::abs(std::sqrt(squares[c] / (50000.0 * 1024) - mean * mean) -
                            hc::cifar10_own.deviation[c]) < 5e-5);
    }

    // In the order of the files.
    hc::cifar10_file const third{shared_cifar10 + "/data_batch_3.bin"};
    auto const [planes, label] = read(training, 20017);
    BOOST_TEST(std::ranges::equal(planes, third.planes(17)));
    BOOST_TEST(label == static_cast<std::int64_t>(third.label(17)));
    BOOST_TEST((training.picture(20017) == third.picture(17)));

    hc::cifar10 const test{shared_cifar10, hc::cifar10_part::test};
    BOOST_TEST(test.size() == 10000u);
    BOOST_TEST(read(test, 102).second == 6); // the frog of the README
    expect_error(hc::error_kind::use, {"hookcam::cifar10", "from 0 to 9999; it is 10000"},
                 [&] { (void)test.label(10000); });
}

BOOST_AUTO_TEST_CASE(a_folder_of_cifar10_that_is_not_whole_is_refused) {
    temporary_folder const folder;
    expect_error(hc::error_kind::file,
                 {"hookcam::cifar10", "must hold data_batch_1.bin", (folder / "").string()},
                 [&] { hc::cifar10{folder / ""}; });
    auto const whole = records(10000);
    for (int i = 1; i <= 4; ++i) {
        write(folder / ("data_batch_" + std::to_string(i) + ".bin"), whole);
    }
    expect_error(hc::error_kind::file, {"must hold data_batch_5.bin"}, [&] { hc::cifar10{folder / ""}; });
    write(folder / "data_batch_5.bin", records(9999));
    expect_error(hc::error_kind::file,
                 {"hookcam::cifar10", "data_batch_5.bin", "10000 images; it holds 9999"},
                 [&] { hc::cifar10{folder / ""}; });
    auto const cut = [&](std::size_t size) {
        return bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    };
    write(folder / "data_batch_5.bin", cut(12345678));
    expect_error(hc::error_kind::file, {"data_batch_5.bin", "whole records", "12345678 bytes"},
                 [&] { hc::cifar10{folder / ""}; });
    auto broken = whole;
    broken[3073 * 77] = 10;
    write(folder / "data_batch_5.bin", broken);
    expect_error(hc::error_kind::file, {"data_batch_5.bin", "record 77", "label 10"},
                 [&] { hc::cifar10{folder / ""}; });
    write(folder / "data_batch_5.bin", whole);
    BOOST_TEST(hc::cifar10{folder / ""}.size() == 50000u);
    expect_error(hc::error_kind::file, {"must hold test_batch.bin"},
                 [&] { (void)hc::cifar10(folder / "", hc::cifar10_part::test); });
    // As the archive unpacks.
    write(folder / "above/cifar-10-batches-bin/test_batch.bin", whole);
    BOOST_TEST(hc::cifar10(folder / "above", hc::cifar10_part::test).size() == 10000u);
}

BOOST_AUTO_TEST_CASE(files_of_cifar10_may_be_parts) {
    std::vector<hc::cifar10_file> files;
    files.emplace_back(records(3));
    files.emplace_back(records(1, 100));
    files.emplace_back(records(2, 200));
    hc::cifar10 const data{std::move(files)};
    BOOST_TEST(data.size() == 6u);
    std::vector<int> firsts;
    for (std::size_t i = 0; i < 6; ++i) {
        auto const [image, label] = read(data, i);
        firsts.push_back(image[5]);
        BOOST_TEST(label == image[5] % 10);
    }
    BOOST_TEST((firsts == std::vector<int>{0, 1, 2, 100, 200, 201}));
    BOOST_TEST(read(hc::cifar10{hc::cifar10_file{records(3, 5)}}, 2).second == 7);
    expect_error(hc::error_kind::use, {"must be a file"},
                 [] { hc::cifar10{std::vector<hc::cifar10_file>{}}; });

    hc::subset const some{data, {5, 0, 5}};
    BOOST_TEST(some.size() == 3u);
    BOOST_TEST(read(some, 0).first[0] == 201);
    BOOST_TEST(read(some, 1).first[0] == 0);
    BOOST_TEST(read(some, 2).second == 1);
    hc::subset const middle{data, 2, 3};
    BOOST_TEST(middle.size() == 3u);
    BOOST_TEST(read(middle, 2).first[0] == 200);
    BOOST_TEST(read(hc::subset{middle, 1, 1}, 0).first[0] == 100);
    expect_error(hc::error_kind::use, {"hookcam::subset", "from 0 to 5; one is 6"}, [&] {
        hc::subset{data, {1, 6}};
    });
    expect_error(hc::error_kind::use, {"5 images from number 2 on; it holds 6"},
                 [&] { hc::subset(data, 2, 5); });
    expect_error(hc::error_kind::use, {"from number 7 on"}, [&] { hc::subset(data, 7, 0); });
}

// ------------------------------------------------------------------------------------- a folder of pictures

BOOST_AUTO_TEST_CASE(a_folder_of_pictures) {
    temporary_folder const folder;
    auto const save = [&](std::string const& name, hc::rgb colour, std::size_t height = 4,
                          std::size_t width = 6) {
        fs::create_directories((folder / name).parent_path());
        hc::save_png(folder / name, hc::picture::filled(height, width, colour));
    };
    save("zebra/2.png", {1, 2, 3});
    save("zebra/10.PNG", {4, 5, 6});
    save("ant/deep/er/a.png", {7, 8, 9});
    save("ant/b.jpeg", {10, 11, 12}); // told apart by its bytes
    write(folder / "ant/notes.txt", {'x'});
    write(folder / "labels.csv", {'x'});
    for (bool const in_memory : {true, false}) {
        hc::image_folder const data{folder / "", {.in_memory = in_memory}};
        BOOST_TEST((data.classes() == std::vector<std::string>{"ant", "zebra"}));
        BOOST_TEST((data.shape() == hc::image_shape{3, 4, 6}));
        BOOST_REQUIRE(data.size() == 4u);
        std::vector<std::string> names;
        for (std::size_t i = 0; i < 4; ++i) {
            names.push_back(data.path(i).filename().string());
            auto const [image, label] = read(data, i);
            BOOST_TEST(label == data.label(i));
            BOOST_TEST(label == (i < 2 ? 0 : 1));
        }
        BOOST_TEST((names == std::vector<std::string>{"b.jpeg", "a.png", "10.PNG", "2.png"}));
        bytes planes(24, 7);
        planes.resize(48, 8);
        planes.resize(72, 9);
        BOOST_TEST((read(data, 1).first == planes));
    }
    // Rows and columns keep their places.
    hc::picture photo{4, 6};
    photo.set(1, 4, {100, 101, 102});
    hc::save_png(folder / "ant/b.jpeg", photo);
    hc::image_folder const data{folder / ""};
    auto const image = read(data, 0).first;
    BOOST_TEST(int{image[1 * 6 + 4]} == 100);
    BOOST_TEST(int{image[24 + 1 * 6 + 4]} == 101);
    BOOST_TEST(int{image[48 + 1 * 6 + 4]} == 102);
    BOOST_TEST(std::ranges::count(image, 0) == 69);

    // Of several sizes.
    save("zebra/wide.png", {9, 9, 9}, 8, 32);
    expect_error(
        hc::error_kind::shape,
        {"hookcam::image_folder", "of one size", "wide.png", "is 8×32, the first 4×6", "ask for a height"},
        [&] { hc::image_folder{folder / ""}; });
    photo = hc::picture{8, 32};
    for (std::size_t y = 0; y < 8; ++y) {
        for (std::size_t x = 12; x < 20; ++x) {
            photo.set(y, x, {200, 200, 200});
        }
    }
    hc::save_png(folder / "zebra/wide.png", photo);
    for (bool const in_memory : {true, false}) {
        hc::image_folder const cropped{folder / "", {.height = 8, .width = 8, .in_memory = in_memory}};
        BOOST_TEST((cropped.shape() == hc::image_shape{3, 8, 8}));
        BOOST_TEST((read(cropped, 4).first == bytes(192, 200))); // the middle
        hc::image_folder const stretched{
            folder / "", {.height = 8, .width = 8, .fit = hc::image_fit::stretch, .in_memory = in_memory}};
        auto const whole = read(stretched, 4).first;
        auto const wanted = hc::resize(photo, 8, 8);
        BOOST_TEST(int{whole[0]} == 0);
        for (std::size_t x = 0; x < 8; ++x) {
            BOOST_TEST(int{whole[64 + 8 * 3 + x]} == int{wanted.at(3, x)[1]});
        }
    }
    expect_error(hc::error_kind::use, {"height and width must both"},
                 [&] { (void)hc::image_folder(folder / "", {.height = 8}); });
}

BOOST_AUTO_TEST_CASE(a_folder_of_pictures_that_is_broken_is_refused) {
    temporary_folder const folder;
    expect_error(hc::error_kind::file,
                 {"hookcam::image_folder", "nowhere", "must be a folder that can be read; No such"},
                 [&] { hc::image_folder{folder / "nowhere"}; });
    expect_error(hc::error_kind::file, {"must hold a folder a class"},
                 [&] { hc::image_folder{folder / ""}; });
    fs::create_directories(folder / "ant");
    fs::create_directories(folder / "bee");
    hc::save_png(folder / "ant/1.png", hc::picture::filled(4, 4, {1, 2, 3}));
    write(folder / "bee/readme", {'x'});
    expect_error(hc::error_kind::file, {"bee", "must hold a picture"},
                 [&] { hc::image_folder{folder / ""}; });
    auto broken = hc::encode_png(hc::picture::filled(4, 4, {1, 2, 3}));
    broken.resize(broken.size() - 20);
    write(folder / "bee/short.png", broken);
    for (bool const in_memory : {true, false}) {
        expect_error(hc::error_kind::file, {"short.png"},
                     [&] { (void)hc::image_folder(folder / "", {.in_memory = in_memory}); });
    }
    // Whole when the data set is made, and gone later.
    hc::save_png(folder / "bee/short.png", hc::picture::filled(4, 4, {1, 2, 3}));
    hc::image_folder const data{folder / "", {.in_memory = false}};
    fs::remove(folder / "bee/short.png");
    expect_error(hc::error_kind::file, {"short.png", "No such file"}, [&] { (void)read(data, 1); });
    hc::save_png(folder / "bee/short.png", hc::picture::filled(4, 5, {1, 2, 3}));
    expect_error(hc::error_kind::shape, {"short.png", "4×5"}, [&] { (void)read(data, 1); });
}
