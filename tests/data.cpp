#define BOOST_TEST_MODULE data
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <zlib.h>

#include <hookcam/data.hpp>

#include "expect_error.hpp"
#include "temporary_folder.hpp"

namespace hc = hookcam;

namespace {

using bytes = std::vector<std::uint8_t>;

/// The same arithmetic made the golden values with Pillow.
hc::picture pattern(std::size_t height, std::size_t width) {
    hc::picture result{height, width};
    for (std::size_t y = 0; y < height; ++y) {
        for (std::size_t x = 0; x < width; ++x) {
            for (std::size_t c = 0; c < 3; ++c) {
                result.bytes()[(y * width + x) * 3 + c] =
                    static_cast<std::uint8_t>((7 * y * y + 13 * x * (c + 1) + 29 * c * y) % 256);
            }
        }
    }
    return result;
}

unsigned long checksum(hc::picture const& p) {
    return crc32(0, p.bytes().data(), static_cast<unsigned>(p.bytes().size()));
}

// ---------------------------------------------------------------------------------------- PNG files, by hand

void append_number(bytes& to, unsigned long number) {
    for (int shift = 24; shift >= 0; shift -= 8) {
        to.push_back(static_cast<std::uint8_t>(number >> shift & 0xff));
    }
}

void append_chunk(bytes& to, std::string_view type, bytes const& content) {
    append_number(to, content.size());
    bytes checked(type.begin(), type.end());
    checked.insert(checked.end(), content.begin(), content.end());
    to.insert(to.end(), checked.begin(), checked.end());
    append_number(to, crc32(0, checked.data(), static_cast<unsigned>(checked.size())));
}

enum png_colour : std::uint8_t { gray = 0, rgb = 2, palette = 3, gray_alpha = 4, rgb_alpha = 6 };

struct png_file {
    unsigned long height;
    unsigned long width;
    std::uint8_t depth;
    png_colour colour;
    bytes rows; ///< each with its filter byte in front
    bytes plte{};
    bytes trns{};
    bool interlaced = false;

    [[nodiscard]] bytes encode() const {
        bytes file{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
        bytes header;
        append_number(header, width);
        append_number(header, height);
        header.insert(header.end(), {depth, colour, 0, 0, static_cast<std::uint8_t>(interlaced)});
        append_chunk(file, "IHDR", header);
        if (!plte.empty()) {
            append_chunk(file, "PLTE", plte);
        }
        if (!trns.empty()) {
            append_chunk(file, "tRNS", trns);
        }
        unsigned long size = compressBound(rows.size());
        bytes packed(size);
        compress(packed.data(), &size, rows.data(), rows.size());
        packed.resize(size);
        append_chunk(file, "IDAT", packed);
        append_chunk(file, "IEND", {});
        return file;
    }
};

bytes pattern_png(std::size_t height, std::size_t width) {
    auto const source = pattern(height, width);
    bytes rows;
    for (std::size_t y = 0; y < height; ++y) {
        auto const row = source.bytes().subspan(y * width * 3, width * 3);
        rows.push_back(0);
        rows.insert(rows.end(), row.begin(), row.end());
    }
    return png_file{height, width, 8, rgb, rows}.encode();
}

// ------------------------------------------------------------------------------------ JPEG files, by libjpeg

struct jpeg_file {
    J_COLOR_SPACE in = JCS_RGB;
    int channels = 3;
    J_COLOR_SPACE stored = JCS_UNKNOWN; ///< unknown: libjpeg chooses
    bool progressive = false;
    bool scan_per_channel = false;
    int quality = 95;

    [[nodiscard]] bytes encode(std::size_t height, std::size_t width, bytes pixels) const {
        jpeg_compress_struct jpeg{};
        jpeg_error_mgr errors{};
        jpeg.err = jpeg_std_error(&errors); // an error ends the test program
        jpeg_create_compress(&jpeg);
        unsigned char* memory = nullptr;
        unsigned long size = 0;
        jpeg_mem_dest(&jpeg, &memory, &size);
        jpeg.image_height = static_cast<JDIMENSION>(height);
        jpeg.image_width = static_cast<JDIMENSION>(width);
        jpeg.input_components = channels;
        jpeg.in_color_space = in;
        jpeg_set_defaults(&jpeg);
        if (stored != JCS_UNKNOWN) {
            jpeg_set_colorspace(&jpeg, stored);
        }
        jpeg_set_quality(&jpeg, quality, TRUE);
        if (progressive) {
            jpeg_simple_progression(&jpeg);
        }
        std::vector<jpeg_scan_info> scans;
        if (scan_per_channel) {
            for (int c = 0; c < channels; ++c) {
                scans.push_back({1, {c, 0, 0, 0}, 0, 63, 0, 0});
            }
            jpeg.scan_info = scans.data();
            jpeg.num_scans = channels;
        }
        jpeg_start_compress(&jpeg, TRUE);
        while (jpeg.next_scanline < jpeg.image_height) {
            JSAMPROW row = pixels.data() + jpeg.next_scanline * width * static_cast<std::size_t>(channels);
            jpeg_write_scanlines(&jpeg, &row, 1);
        }
        jpeg_finish_compress(&jpeg);
        jpeg_destroy_compress(&jpeg);
        bytes file(memory, memory + size);
        std::free(memory);
        return file;
    }
};

/// Smooth, so that JPEG keeps it well.
bytes ramp(std::size_t height, std::size_t width, std::size_t channels) {
    bytes result;
    for (std::size_t y = 0; y < height; ++y) {
        for (std::size_t x = 0; x < width; ++x) {
            for (std::size_t c = 0; c < channels; ++c) {
                result.push_back(static_cast<std::uint8_t>(40 + 3 * y + 2 * x + 40 * c));
            }
        }
    }
    return result;
}

int largest_difference(std::span<std::uint8_t const> a, std::span<std::uint8_t const> b) {
    BOOST_REQUIRE_EQUAL(a.size(), b.size());
    int largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        largest = std::max(largest, std::abs(int{a[i]} - int{b[i]}));
    }
    return largest;
}

/// Decodes what may be broken: true for a picture. Every refusal must be an error of a file.
bool decodes(bytes const& file) {
    try {
        return !hc::decode_picture(file).empty();
    } catch (hc::error const& e) {
        BOOST_TEST((e.kind() == hc::error_kind::file), e.what());
        return false;
    }
}

std::filesystem::path shared_file(std::string const& name) {
    std::string const folder = HOOKCAM_SHARED_DIR;
    auto const path = std::filesystem::path{folder} / name;
    if (folder.empty() || !std::filesystem::exists(path)) {
        BOOST_TEST_MESSAGE("skipped: there is no " << name << " in the folder of reference data");
        return {};
    }
    return path;
}

} // namespace

// ------------------------------------------------------------------------------------------------- pictures

BOOST_AUTO_TEST_SUITE(pictures)

BOOST_AUTO_TEST_CASE(are_rows_of_rgb) {
    hc::picture p{2, 3};
    BOOST_TEST(p.bytes().size() == 18u);
    p.set(1, 2, {7, 8, 9});
    BOOST_TEST(p.bytes()[15] == 7);
    BOOST_TEST((p.at(1, 2) == hc::rgb{7, 8, 9}));
    BOOST_TEST((p.at(0, 0) == hc::rgb{0, 0, 0}));
    BOOST_TEST((hc::picture::filled(1, 2, {1, 2, 3}) == hc::picture{1, 2, bytes{1, 2, 3, 1, 2, 3}}));
    BOOST_TEST((hc::picture{1, 2} != hc::picture{2, 1}));
}

BOOST_AUTO_TEST_CASE(refuse_another_count_of_bytes) {
    expect_error(hc::error_kind::shape, {"2×3", "17 bytes"}, [] { hc::picture{2, 3, bytes(17)}; });
    expect_error(hc::error_kind::shape, {"countable"}, [] {
        hc::picture{std::size_t{1} << 40, std::size_t{1} << 40};
    });
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------------------------------------- CIFAR-10

BOOST_AUTO_TEST_SUITE(cifar10)

BOOST_AUTO_TEST_CASE(reads_label_and_planes) {
    bytes file;
    for (unsigned record = 0; record < 2; ++record) {
        file.push_back(static_cast<std::uint8_t>(9 - record));
        for (unsigned i = 0; i < 3072; ++i) {
            file.push_back(static_cast<std::uint8_t>((i / 1024) * 80 + i % 32 + record));
        }
    }
    temporary_folder const folder;
    hc::replace_file(folder / "two.bin", file);
    hc::cifar10_file const two{folder / "two.bin"};
    BOOST_TEST(two.size() == 2u);
    BOOST_TEST(two.label(0) == 9u);
    BOOST_TEST(two.label(1) == 8u);
    BOOST_TEST(hc::cifar10_classes[two.label(1)] == "ship");
    BOOST_TEST(two.planes(1).size() == 3072u);
    BOOST_TEST(two.planes(1)[1024 + 5] == 80 + 5 + 1);
    auto const p = two.picture(1);
    BOOST_TEST(p.height() == 32u);
    BOOST_TEST(p.width() == 32u);
    BOOST_TEST((p.at(31, 5) == hc::rgb{6, 86, 166}));

    expect_error(hc::error_kind::use, {"two.bin", "from 0 to 1", "it is 2"}, [&] { (void)two.label(2); });
    expect_error(hc::error_kind::use, {"two.bin"}, [&] { (void)two.planes(std::size_t(-1)); });
    expect_error(hc::error_kind::use, {"two.bin"}, [&] { (void)two.picture(2); });
}

BOOST_AUTO_TEST_CASE(refuses_what_is_no_cifar10_file) {
    temporary_folder const folder;
    for (std::size_t const size : {0u, 1u, 3072u, 3074u, 6145u}) {
        hc::replace_file(folder / "broken.bin", bytes(size));
        expect_error(hc::error_kind::file, {"broken.bin", "3073", "it has " + std::to_string(size)},
                     [&] { hc::cifar10_file{folder / "broken.bin"}; });
    }
    bytes labelled(2 * 3073);
    labelled[3073] = 10;
    hc::replace_file(folder / "label.bin", labelled);
    expect_error(hc::error_kind::file, {"label.bin", "record 1 of 2", "label 10"},
                 [&] { hc::cifar10_file{folder / "label.bin"}; });
    expect_error(hc::error_kind::file, {"absent.bin", "No such file"},
                 [&] { hc::cifar10_file{folder / "absent.bin"}; });
    expect_error(hc::error_kind::file, {"directory"}, [&] { hc::cifar10_file{folder / ""}; });
    expect_error(hc::error_kind::file, {"the bytes must hold", "it has 7 bytes"},
                 [&] { hc::cifar10_file{bytes(7)}; });
}

BOOST_AUTO_TEST_CASE(takes_bytes_in_memory) {
    bytes file(hc::cifar10_file::record_bytes, 5);
    file[0] = 9;
    hc::cifar10_file const one{file};
    BOOST_TEST(one.size() == 1u);
    BOOST_TEST(one.label(0) == 9u);
    BOOST_TEST((one.picture(0).at(3, 4) == hc::rgb{5, 5, 5}));
}

BOOST_AUTO_TEST_CASE(reads_the_test_set) {
    auto const path = shared_file("data/cifar10/test_batch.bin");
    if (path.empty()) {
        return;
    }
    hc::cifar10_file const test{path};
    BOOST_REQUIRE_EQUAL(test.size(), 10000u);
    std::array<int, 10> counts{};
    for (std::size_t i = 0; i < test.size(); ++i) {
        ++counts[test.label(i)];
    }
    BOOST_TEST((counts == std::array{1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000}));
    BOOST_TEST(hc::cifar10_classes[test.label(0)] == "cat");
    BOOST_TEST(hc::cifar10_classes[test.label(102)] == "frog");
    BOOST_TEST((test.picture(0).at(0, 0) == hc::rgb{158, 112, 49}));
}

BOOST_AUTO_TEST_SUITE_END()

// -------------------------------------------------------------------------------------------------- PNG in

BOOST_AUTO_TEST_SUITE(png)

BOOST_AUTO_TEST_CASE(reads_every_kind) {
    auto const read = [](png_file const& file) { return hc::decode_picture(file.encode()); };
    using p = hc::picture;

    BOOST_TEST((hc::decode_picture(pattern_png(5, 7)) == pattern(5, 7)));
    BOOST_TEST(
        (read({1, 3, 8, gray, {0, 0, 77, 255}}) == p{1, 3, bytes{0, 0, 0, 77, 77, 77, 255, 255, 255}}));
    BOOST_TEST((read({1, 2, 1, gray, {0, 0b01000000}}) == p{1, 2, bytes{0, 0, 0, 255, 255, 255}}));
    BOOST_TEST(
        (read({1, 2, 4, gray, {0, 0x3f}}) == p{1, 2, bytes{51, 51, 51, 255, 255, 255}})); // 3 · 255 / 15
    // 16 bits to the nearest of 8: 257 to a level; 0x80ff = 128 · 257 + 127, 0x8101 is the next half up
    BOOST_TEST((read({1, 2, 16, gray, {0, 0x80, 0xff, 0x81, 0x01}}) ==
                p{1, 2, bytes{128, 128, 128, 129, 129, 129}}));
    BOOST_TEST((read({1, 1, 16, rgb, {0, 0x12, 0x12, 0xff, 0xff, 0, 0}}) == p{1, 1, bytes{0x12, 255, 0}}));
    BOOST_TEST((read({1, 2, 2, palette, {0, 0b01100000}, {1, 2, 3, 4, 5, 6, 7, 8, 9}}) ==
                p{1, 2, bytes{4, 5, 6, 7, 8, 9}}));
    // On white: (10 · 51 + 255 · 204) / 255 = 206, and so on.
    BOOST_TEST((read({1, 2, 8, rgb_alpha, {0, 10, 0, 255, 51, 9, 9, 9, 0}}) ==
                p{1, 2, bytes{206, 204, 255, 255, 255, 255}}));
    BOOST_TEST(
        (read({1, 2, 8, gray_alpha, {0, 100, 255, 100, 0}}) == p{1, 2, bytes{100, 100, 100, 255, 255, 255}}));
    BOOST_TEST((read({1, 2, 8, palette, {0, 0, 1}, {50, 60, 70, 1, 2, 3}, {255, 0}}) ==
                p{1, 2, bytes{50, 60, 70, 255, 255, 255}}));
    // Interlaced 2×2: the first pixel, its right neighbour, the lower row.
    BOOST_TEST((read({2, 2, 8, gray, {0, 1, 0, 2, 0, 3, 4}, {}, {}, true}) ==
                p{2, 2, bytes{1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4}}));
}

BOOST_AUTO_TEST_CASE(refuses_absurd_headers_before_it_allocates) {
    for (auto const side : {8193ul, 65535ul, 1000000ul}) {
        auto const file = png_file{side, side, 8, rgb, {0, 1, 2, 3}}.encode();
        expect_error(hc::error_kind::file, {"decode_png", "\"huge\"", std::to_string(side)},
                     [&] { hc::decode_picture(file, "\"huge\""); });
    }
    BOOST_TEST(!decodes(png_file{0, 5, 8, rgb, {0}}.encode()));
    BOOST_TEST(!decodes(png_file{0x7fffffff, 0x7fffffff, 16, rgb_alpha, {0}}.encode()));
    BOOST_TEST(!decodes(png_file{1, 1, 3, rgb, {0, 1, 2, 3}}.encode()));
}

BOOST_AUTO_TEST_CASE(refuses_every_truncation) {
    auto const whole = pattern_png(6, 9);
    auto const expected = pattern(6, 9);
    std::size_t const end_chunk = 12; // IEND says nothing that the pixels have not
    for (std::size_t size = 0; size < whole.size(); ++size) {
        bytes const part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        bool const read = decodes(part);
        BOOST_TEST((!read || size >= whole.size() - end_chunk), "reads " << size << " of " << whole.size());
        if (read) {
            BOOST_TEST((hc::decode_picture(part) == expected));
        }
    }
}

BOOST_AUTO_TEST_CASE(asks_no_memory_for_what_a_file_cannot_hold) {
    auto file = pattern_png(6, 9);
    bytes const chunk{0x20, 0, 0, 0x1f, 'z', 'T', 'X', 't'}; // 512 MB of text, behind the header
    file.insert(file.begin() + 33, chunk.begin(), chunk.end());
    expect_error(hc::error_kind::file, {"one of its chunks is longer than the rest"},
                 [&] { hc::decode_png(file); });
    auto const corpus = std::filesystem::path{HOOKCAM_SOURCE_DIR} / "tests/fuzz/corpus/image";
    for (auto const* name : {"not_so_large.png", "not_so_large.jpg"}) {
        expect_error(hc::error_kind::file, {name, "declares 8192×8192 pixels", "bytes cannot hold so many"},
                     [&] { hc::load_picture(corpus / name); });
    }
    // Black pixels of one bit, as small as PNG can be: a file that does hold so many for each byte is read.
    auto const black = png_file{1024, 8192, 1, gray, bytes(1024 * (1 + 8192 / 8))}.encode();
    BOOST_TEST(1024 * 8192 / black.size() > 5000u);
    BOOST_TEST((hc::decode_png(black) == hc::picture{1024, 8192}));
}

BOOST_AUTO_TEST_CASE(survives_corruption) {
    auto const whole = pattern_png(6, 9);
    std::mt19937 random{1};
    int refused = 0;
    for (int round = 0; round < 2000; ++round) {
        auto file = whole;
        for (int flips = 0; flips <= round % 4; ++flips) {
            file[8 + random() % (file.size() - 8)] = static_cast<std::uint8_t>(random());
        }
        refused += decodes(file) ? 0 : 1;
    }
    BOOST_TEST(refused > 1500); // chunks carry a CRC-32; damage to the end chunk is no loss
}

BOOST_AUTO_TEST_SUITE_END()

// ------------------------------------------------------------------------------------------------- JPEG in

BOOST_AUTO_TEST_SUITE(jpeg)

BOOST_AUTO_TEST_CASE(reads_every_kind) {
    auto const source = ramp(21, 19, 3);
    for (bool const progressive : {false, true}) {
        auto const read = hc::decode_picture(jpeg_file{.progressive = progressive}.encode(21, 19, source));
        BOOST_TEST(read.height() == 21u);
        BOOST_TEST(read.width() == 19u);
        BOOST_TEST(largest_difference(read.bytes(), source) <= 6); // quality 95, chroma at half resolution
    }
    auto const mono = ramp(9, 8, 1);
    auto const read = hc::decode_picture(jpeg_file{.in = JCS_GRAYSCALE, .channels = 1}.encode(9, 8, mono));
    for (std::size_t i = 0; i < mono.size(); ++i) {
        auto const [r, g, b] = read.at(i / 8, i % 8);
        BOOST_TEST((r == g && g == b));
        BOOST_TEST(std::abs(int{r} - int{mono[i]}) <= 3);
    }
}

BOOST_AUTO_TEST_CASE(reads_cmyk_as_adobe_writes_it) {
    // Inverted inks: 255 is no ink. libjpeg marks CMYK files as Adobe's.
    bytes inks;
    for (int i = 0; i < 64; ++i) {
        inks.insert(inks.end(), {200, 100, 0, 128});
    }
    for (auto const stored : {JCS_CMYK, JCS_YCCK}) {
        jpeg_file const file{.in = JCS_CMYK, .channels = 4, .stored = stored, .quality = 100};
        auto const read = hc::decode_picture(file.encode(8, 8, inks));
        BOOST_TEST(read.bytes().size() == 8u * 8 * 3);
        auto const [r, g, b] = read.at(4, 4);
        BOOST_TEST(std::abs(r - 200 * 128 / 255) <= 1);
        BOOST_TEST(std::abs(g - 100 * 128 / 255) <= 1);
        BOOST_TEST(b <= 1);
    }
}

BOOST_AUTO_TEST_CASE(refuses_every_truncation) {
    for (bool const progressive : {false, true}) {
        auto const whole = jpeg_file{.progressive = progressive}.encode(17, 18, ramp(17, 18, 3));
        BOOST_TEST(decodes(whole));
        for (std::size_t size = 0; size < whole.size(); ++size) {
            bytes const part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
            BOOST_TEST(!decodes(part), "reads " << size << " of " << whole.size());
        }
    }
}

BOOST_AUTO_TEST_CASE(survives_corruption) {
    for (bool const progressive : {false, true}) {
        auto const whole = jpeg_file{.progressive = progressive}.encode(17, 18, ramp(17, 18, 3));
        std::mt19937 random{2};
        for (int round = 0; round < 1000; ++round) {
            auto file = whole;
            for (int flips = 0; flips <= round % 4; ++flips) {
                file[2 + random() % (file.size() - 2)] = static_cast<std::uint8_t>(random());
            }
            if (!decodes(file)) { // what decodes has no checksum to tell by
                continue;
            }
            auto const read = hc::decode_picture(file);
            BOOST_TEST(read.bytes().size() == read.height() * read.width() * 3);
        }
    }
}

BOOST_AUTO_TEST_CASE(forgives_bytes_between_segments) {
    auto const clean = jpeg_file{}.encode(17, 18, ramp(17, 18, 3));
    auto file = clean;
    file.insert(file.end() - 2, {1, 2, 3}); // in front of the end marker
    file.insert(file.end(), {4, 5, 6});
    BOOST_TEST((hc::decode_picture(file) == hc::decode_picture(clean)));
    auto damaged = clean;
    damaged.erase(damaged.end() - 12, damaged.end() - 8); // some pixels less
    BOOST_TEST(!decodes(damaged));
}

BOOST_AUTO_TEST_CASE(refuses_absurd_headers_and_endless_scans) {
    auto file = jpeg_file{}.encode(16, 16, ramp(16, 16, 3));
    bytes const frame{0xff, 0xc0};
    auto const at = std::search(file.begin(), file.end(), frame.begin(), frame.end());
    BOOST_REQUIRE((at != file.end()));
    std::fill(at + 5, at + 9, std::uint8_t{0xff}); // height and width: 65535
    BOOST_TEST(!decodes(file));
    std::copy_n(bytes{0xff, 0x00}.begin(), 2, at + 5); // 65280, and 65280 wide: more than 2^26 pixels
    std::copy_n(bytes{0xff, 0x00}.begin(), 2, at + 7);
    expect_error(hc::error_kind::file, {"decode_jpeg", "65280×65280"}, [&] { hc::decode_picture(file); });

    // The last scan over and over: 600 passes over the picture for 600 scans of some bytes.
    auto const scans = jpeg_file{.scan_per_channel = true}.encode(16, 16, ramp(16, 16, 3));
    BOOST_TEST(decodes(scans));
    bytes const scan{0xff, 0xda};
    auto const last = std::find_end(scans.begin(), scans.end(), scan.begin(), scan.end());
    bytes bomb(scans.begin(), last);
    for (int i = 0; i < 600; ++i) {
        bomb.insert(bomb.end(), last, scans.end() - 2);
    }
    bomb.insert(bomb.end(), {0xff, 0xd9});
    expect_error(hc::error_kind::file, {"500 scans"}, [&] { hc::decode_picture(bomb); });
}

BOOST_AUTO_TEST_SUITE_END()

// ---------------------------------------------------------------------------------------------------- files

BOOST_AUTO_TEST_SUITE(files)

BOOST_AUTO_TEST_CASE(errors_name_the_file) {
    temporary_folder const folder;
    hc::replace_file(folder / "good.jpg", pattern_png(3, 4)); // the bytes tell, not the name
    BOOST_TEST((hc::load_picture(folder / "good.jpg") == pattern(3, 4)));

    hc::replace_file(folder / "text.png", bytes{'h', 'e', 'l', 'l', 'o'});
    expect_error(hc::error_kind::file, {"text.png", "PNG or JPEG"},
                 [&] { hc::load_picture(folder / "text.png"); });
    hc::replace_file(folder / "empty.png", {});
    expect_error(hc::error_kind::file, {"empty.png", "no bytes"},
                 [&] { hc::load_picture(folder / "empty.png"); });
    expect_error(hc::error_kind::file, {"absent.png", "No such file"},
                 [&] { hc::load_picture(folder / "absent.png"); });
    expect_error(hc::error_kind::file, {"directory"}, [&] { hc::load_picture(folder / ""); });
    expect_error(hc::error_kind::file, {"decode_png"}, [] { hc::decode_png({}); });
    expect_error(hc::error_kind::file, {"decode_jpeg"}, [] { hc::decode_jpeg({}); });
    auto broken = pattern_png(3, 4);
    broken.resize(broken.size() / 2);
    hc::replace_file(folder / "half.png", broken);
    expect_error(hc::error_kind::file, {"half.png", "whole PNG"},
                 [&] { hc::load_picture(folder / "half.png"); });
}

BOOST_AUTO_TEST_CASE(have_a_limit) {
    temporary_folder const folder;
    hc::replace_file(folder / "ten", bytes(10));
    BOOST_TEST(hc::read_file_bytes(folder / "ten", "test", 10).size() == 10u);
    expect_error(hc::error_kind::file, {"test", "ten", "9 bytes"},
                 [&] { hc::read_file_bytes(folder / "ten", "test", 9); });
    if (std::filesystem::exists("/dev/zero")) {
        expect_error(hc::error_kind::file, {"/dev/zero"},
                     [] { hc::read_file_bytes("/dev/zero", "test", std::size_t{1} << 20); });
    }
}

BOOST_AUTO_TEST_CASE(read_as_pillow_reads_them) {
    // CRC-32 of the RGB bytes by Pillow 13: as decoded, and with the shorter side at 227, centre-cropped.
    struct golden {
        char const* name;
        unsigned long decoded;
        unsigned long cropped;
    };
    for (auto const& [name, decoded, cropped] : {golden{"gradcam_horses.jpg", 0x4062cd66, 0x8a7f69d6},
                                                 golden{"gradcam_dog_cat.jpg", 0x6bb61abf, 0xe66e9c11},
                                                 golden{"gradcam_both.png", 0x2da4c891, 0xb1f7ff50}}) {
        auto const path = shared_file(std::string{"data/images/"} + name);
        if (path.empty()) {
            return;
        }
        auto const read = hc::load_picture(path);
        BOOST_TEST(checksum(read) == decoded, name);
        BOOST_TEST(checksum(hc::resize_and_crop(read, 227, 227)) == cropped, name);
    }
}

BOOST_AUTO_TEST_SUITE_END()

// --------------------------------------------------------------------------------------- to a network's size

BOOST_AUTO_TEST_SUITE(sizes)

BOOST_AUTO_TEST_CASE(the_longer_side_is_rounded_as_asked) {
    auto const size = [](std::size_t height, std::size_t width, hc::longer_side rule) {
        auto const result = hc::resize_shorter_side(hc::picture{height, width}, 256, rule);
        return std::pair{result.height(), result.width()};
    };
    using enum hc::longer_side;
    using sizes = std::pair<std::size_t, std::size_t>;
    BOOST_TEST((size(280, 425, rounded_down) == sizes{256, 388})); // 388.57
    BOOST_TEST((size(280, 425, to_nearest) == sizes{256, 389}));
    BOOST_TEST((size(425, 280, to_nearest) == sizes{389, 256}));
    BOOST_TEST((size(300, 400, to_nearest) == sizes{256, 341})); // 341.33
    BOOST_TEST((size(512, 513, to_nearest) == sizes{256, 257})); // 256.5
    BOOST_TEST((size(512, 513, rounded_down) == sizes{256, 256}));
    BOOST_TEST((size(7, 7, to_nearest) == sizes{256, 256}));
}

BOOST_AUTO_TEST_CASE(photographs_become_the_inputs_published_with_them) {
    // Shorter side 256, the longer one to the nearest pixel, bilinear; then the middle. Byte for byte.
    for (std::string const name : {"gradcam_both.png", "gradcam_dog_cat.jpg", "gradcam_horses.jpg",
                                   "tfkerasvis_bear.jpg", "tfkerasvis_goldfish.jpg"}) {
        auto const photo = shared_file("data/images/" + name);
        auto const input = shared_file("data/images/crop227/" + name.substr(0, name.find('.')) + ".png");
        if (photo.empty() || input.empty())
            return;
        auto const large = hc::resize_shorter_side(hc::load_picture(photo), 256, hc::longer_side::to_nearest);
        BOOST_TEST((hc::center_crop(large, 227, 227) == hc::load_picture(input)), name);
    }
}

BOOST_AUTO_TEST_CASE(resize_as_pillow_does) {
    // Pillow 13, Image.BILINEAR: CRC-32 of all bytes, and the green channel of the smaller one to look at.
    auto const small = hc::resize(pattern(7, 9), 5, 4);
    constexpr std::array<int, 20> green{34,  86, 146, 198, 86,  138, 187, 136, 165, 180,
                                        113, 92, 148, 97,  147, 157, 157, 167, 102, 118};
    for (std::size_t i = 0; i < green.size(); ++i) {
        BOOST_TEST(int{small.at(i / 4, i % 4)[1]} == green[i]);
    }
    BOOST_TEST(checksum(small) == 2003236634u);
    BOOST_TEST(checksum(hc::resize(pattern(7, 9), 10, 12)) == 4167926435u);
}

BOOST_AUTO_TEST_CASE(resize_by_hand) {
    auto const source = pattern(4, 6);
    BOOST_TEST((hc::resize(source, 4, 6) == source));
    auto const flat = hc::picture::filled(13, 7, {3, 200, 255});
    BOOST_TEST((hc::resize(flat, 5, 31) == hc::picture::filled(5, 31, {3, 200, 255})));
    // Half-pixel centres: the new pixels lie at 1/4 and 3/4 of the way, the outer ones beyond the ends.
    hc::picture const two{1, 2, bytes{0, 0, 0, 200, 100, 0}};
    BOOST_TEST(
        (hc::resize(two, 1, 4) == hc::picture{1, 4, bytes{0, 0, 0, 50, 25, 0, 150, 75, 0, 200, 100, 0}}));
    BOOST_TEST((hc::resize(two, 1, 1) == hc::picture{1, 1, bytes{100, 50, 0}}));
    // Four to two by a triangle of reach 2: weights 3, 3, 1 of 7.
    hc::picture const four{4, 1, bytes{70, 0, 0, 0, 70, 0, 0, 0, 70, 0, 0, 0}};
    BOOST_TEST((hc::resize(four, 2, 1) == hc::picture{2, 1, bytes{30, 30, 10, 0, 10, 30}}));
}

BOOST_AUTO_TEST_CASE(crop_as_torchvision_does) {
    hc::picture row{1, 10};
    for (std::size_t x = 0; x < 10; ++x) {
        row.set(0, x, {static_cast<std::uint8_t>(x), 0, 0});
    }
    // Margins 1, 3, 5, 7 begin at round-half-even(0.5, 1.5, 2.5, 3.5).
    BOOST_TEST(hc::center_crop(row, 1, 9).at(0, 0)[0] == 0);
    BOOST_TEST(hc::center_crop(row, 1, 7).at(0, 0)[0] == 2);
    BOOST_TEST(hc::center_crop(row, 1, 5).at(0, 0)[0] == 2);
    BOOST_TEST(hc::center_crop(row, 1, 3).at(0, 0)[0] == 4);
    BOOST_TEST(hc::center_crop(row, 1, 6).at(0, 5)[0] == 7);
    BOOST_TEST((hc::center_crop(pattern(8, 9), 8, 9) == pattern(8, 9)));
    BOOST_TEST((hc::center_crop(pattern(8, 9), 4, 3).at(1, 2) == pattern(8, 9).at(3, 5)));
    expect_error(hc::error_kind::shape, {"at least 2×5", "it is 1×10"}, [&] { hc::center_crop(row, 2, 5); });
}

BOOST_AUTO_TEST_CASE(shorter_side_keeps_the_shape) {
    auto const wide = hc::resize_shorter_side(pattern(20, 31), 8);
    BOOST_TEST(wide.height() == 8u);
    BOOST_TEST(wide.width() == 12u); // 31 · 8 / 20 = 12.4
    auto const tall = hc::resize_shorter_side(pattern(31, 20), 40);
    BOOST_TEST(tall.height() == 62u);
    BOOST_TEST(tall.width() == 40u);
    auto const photo = pattern(41, 67);
    BOOST_TEST(
        (hc::resize_and_crop(photo, 32, 32) == hc::center_crop(hc::resize_shorter_side(photo, 32), 32, 32)));
    for (auto const& [h, w] : {std::pair{10u, 64u}, {64u, 10u}, {41u, 67u}, {1u, 1u}, {33u, 54u}}) {
        auto const fitted = hc::resize_and_crop(photo, h, w);
        BOOST_TEST(fitted.height() == h);
        BOOST_TEST(fitted.width() == w);
    }
    BOOST_TEST((hc::resize_and_crop(photo, 41, 67) == photo));
}

BOOST_AUTO_TEST_CASE(refuse_what_cannot_be) {
    expect_error(hc::error_kind::shape, {"resize:", "0×0 to 3×3"}, [] { hc::resize(hc::picture{}, 3, 3); });
    expect_error(hc::error_kind::shape, {"resize:", "1×1 to 0×3"}, [] {
        hc::resize(hc::picture{1, 1}, 0, 3);
    });
    expect_error(hc::error_kind::shape, {"1×60000 to 224×13440000"}, [] {
        hc::resize_and_crop(hc::picture{1, 60000}, 224, 224);
    });
    expect_error(hc::error_kind::shape, {"60000×1 to"}, [] { hc::resize(hc::picture{60000, 1}, 2, 60000); });
}

BOOST_AUTO_TEST_SUITE_END()

// --------------------------------------------------------------------------------------------- normalisation

BOOST_AUTO_TEST_SUITE(normalisation)

BOOST_AUTO_TEST_CASE(has_the_bits_of_torchvision) {
    hc::picture const p{1, 2, bytes{17, 0, 200, 17, 0, 200}};
    hc::normalization const how{.mean = {.485, .456, .406}, .deviation = {.229, .224, .225}};
    std::array<float, 6> out{};
    hc::normalize(p, how, std::span<float>{out});
    // (x / 255 − mean) / deviation in float32 by NumPy.
    BOOST_TEST(out[0] == -0x1.d3a81p+0f);
    BOOST_TEST(out[1] == out[0]);
    BOOST_TEST(out[4] == 0x1.ae6fdep+0f);
    BOOST_TEST(out[5] == out[4]);
    std::array<double, 6> precise{};
    hc::normalize(p, how, std::span<double>{precise});
    BOOST_TEST(precise[0] == -1.8267831149927218);
    BOOST_TEST(precise[4] == 1.6813943355119823);
}

BOOST_AUTO_TEST_CASE(puts_planes_where_networks_want_them) {
    auto const p = pattern(3, 5);
    hc::normalization const raw{.range = 1, .mean = {123, 117, 104}};
    std::vector<double> out(45);
    hc::normalize(p, raw, std::span{out});
    for (std::size_t c = 0; c < 3; ++c) {
        for (std::size_t i = 0; i < 15; ++i) {
            BOOST_TEST(out[c * 15 + i] == p.at(i / 5, i % 5)[c] - raw.mean[c]);
        }
    }
    bytes planes;
    for (std::size_t c = 0; c < 3; ++c) {
        for (std::size_t i = 0; i < 15; ++i) {
            planes.push_back(p.at(i / 5, i % 5)[c]);
        }
    }
    std::vector<double> same(45);
    hc::normalize_planes(std::span<std::uint8_t const>{planes}, raw, std::span{same});
    BOOST_TEST(same == out);
}

BOOST_AUTO_TEST_CASE(refuses_what_does_not_fit) {
    std::vector<float> out(11);
    hc::picture const p{2, 2};
    expect_error(hc::error_kind::shape, {"a pixel, 12;", "holds 11"},
                 [&] { hc::normalize(p, {}, std::span{out}); });
    out.resize(12);
    expect_error(hc::error_kind::use, {"channel 1"}, [&] {
        hc::normalize(p, {.deviation = {1, 0, 1}}, std::span{out});
    });
    expect_error(hc::error_kind::use, {"channel 0"}, [&] { hc::normalize(p, {.range = 0}, std::span{out}); });
    expect_error(hc::error_kind::use, {"channel 2"}, [&] {
        hc::normalize(p, {.mean = {0, 0, NAN}}, std::span{out});
    });
    expect_error(hc::error_kind::shape, {"three planes", "10 bytes"},
                 [&] { hc::normalize_planes(std::span<std::uint8_t const>{bytes(10)}, {}, std::span{out}); });
}

BOOST_AUTO_TEST_SUITE_END()
