// safetensors: genuine files, every type, and every file that must be refused.

#define BOOST_TEST_MODULE io_safetensors
#include "io_files.hpp"

#include <hookcam/io/read_weights.hpp>
#include <hookcam/io/safetensors.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

using hookcam::dtype;
using namespace io_files;

namespace {

hookcam::state_dict read(std::string const& file) {
    return hookcam::read_safetensors(bytes(file), "some.file");
}

void refused(std::string const& file, std::vector<std::string> parts) {
    parts.insert(parts.begin(), "hookcam::read_safetensors: some.file: ");
    BOOST_CHECK_EXCEPTION(read(file), hookcam::error, says(parts));
}

std::string row(std::string const& key, std::string const& type, std::string const& shape,
                std::string const& offsets) {
    return "\"" + key + "\":{\"dtype\":\"" + type + "\",\"shape\":[" + shape + "],\"data_offsets\":[" +
           offsets + "]}";
}

} // namespace

BOOST_AUTO_TEST_CASE(every_type_shape_and_order_is_read) {
    struct kind {
        dtype type;
        std::string name;
        std::string data; // of the values 0 and 1
    };
    std::vector<kind> const kinds{
        {dtype::f64, "F64", numbers<double>({0, 1})},
        {dtype::f32, "F32", numbers<float>({0, 1})},
        {dtype::f16, "F16", numbers<std::uint16_t>({0, 0x3c00})},
        {dtype::bf16, "BF16", numbers<std::uint16_t>({0, 0x3f80})},
        {dtype::i64, "I64", numbers<std::int64_t>({0, 1})},
        {dtype::i32, "I32", numbers<std::int32_t>({0, 1})},
        {dtype::i16, "I16", numbers<std::int16_t>({0, 1})},
        {dtype::i8, "I8", numbers<std::int8_t>({0, 1})},
        {dtype::u8, "U8", numbers<std::uint8_t>({0, 1})},
        {dtype::boolean, "BOOL", numbers<std::uint8_t>({0, 1})},
    };
    // The rows stand in the opposite order of their data, and the data at odd addresses.
    std::string rows = row("odd", "U8", "", "0,1");
    std::string data = "\x07";
    for (auto const& kind : kinds) {
        auto const end = data.size() + kind.data.size();
        rows = row(kind.name, kind.name, "1,2", std::to_string(data.size()) + "," + std::to_string(end)) +
               "," + rows;
        data += kind.data;
    }
    auto const end = std::to_string(data.size());
    rows += "," + row("none", "F32", "0,18446744073709551615", end + "," + end);
    auto const dict = read(safetensors("{\"__metadata__\":{\"format\":\"pt\"}," + rows + "}   ", data));

    BOOST_TEST(dict.size() == kinds.size() + 2);
    for (auto const& kind : kinds) {
        auto const* entry = dict.find(kind.name);
        BOOST_TEST_REQUIRE(entry != nullptr);
        BOOST_TEST((entry->type == kind.type));
        BOOST_TEST(entry->shape == (std::vector<std::size_t>{1, 2}), boost::test_tools::per_element());
        BOOST_TEST(entry->to<double>() == (std::vector<double>{0, 1}), boost::test_tools::per_element());
    }
    BOOST_TEST(dict.find("odd")->shape.empty());
    BOOST_TEST(dict.find("odd")->to<std::int64_t>()[0] == 7);
    BOOST_TEST(dict.find("none")->size() == 0u);
    BOOST_TEST(read(safetensors("{}")).empty());
}

BOOST_AUTO_TEST_CASE(keys_may_be_any_json_text) {
    auto const dict = read(safetensors("{" + row("a\\\"\\u00e9.\\n", "U8", "", "0,1") + "}", "x"));
    BOOST_TEST(dict.begin()->first == "a\"\xc3\xa9.\n");
}

BOOST_AUTO_TEST_CASE(a_broken_frame_is_refused) {
    refused("", {"truncated"});
    refused("1234567", {"truncated"});
    refused(number(std::uint64_t{3}) + "{}", {"header's length is 3"});
    refused(number(~std::uint64_t{0}) + "{}", {"header's length"});
    refused(number(std::uint64_t{100'000'001}) + std::string(100'000'001, ' '), {"100 MB"});
    refused(safetensors(""), {"begin with '{'"});
    refused(safetensors(" {}"), {"begin with '{'"});
    refused(safetensors("{"), {"no valid JSON"});
    refused(safetensors("{}x"), {"no valid JSON"});
    refused(safetensors("{\"a\xff\":1}"), {"no valid JSON"});
}

BOOST_AUTO_TEST_CASE(json_of_another_form_is_refused) {
    auto const a = [](std::string const& value) { return safetensors("{\"a\":" + value + "}", "1234"); };
    refused(a("1"), {"a number", "'a'"});
    refused(a("\"text\""), {"a string"});
    refused(a("[]"), {"an array"});
    refused(a("null"), {"null"});
    refused(a("true"), {"a boolean"});
    refused(a("{}"), {"must give dtype, shape and data_offsets of 'a'"});
    refused(a(R"({"dtype":"U8","shape":[4]})"), {"must give"});
    refused(a(R"({"dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4]})"), {"'dtype' of 'a' twice"});
    refused(a(R"({"dtype":"U8","shape":[4],"shape":[4],"data_offsets":[0,4]})"), {"'shape' of 'a' twice"});
    refused(a(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4],"more":1})"), {"a number", "'more'"});
    refused(a(R"({"dtype":7,"shape":[4],"data_offsets":[0,4]})"), {"a number"});
    refused(a(R"({"dtype":"U8","shape":[[4]],"data_offsets":[0,4]})"), {"an array"});
    refused(a(R"({"dtype":"U8","shape":[-4],"data_offsets":[0,4]})"), {"negative"});
    refused(a(R"({"dtype":"U8","shape":[4.0],"data_offsets":[0,4]})"), {"the number '4.0'"});
    refused(a(R"({"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,4]})"),
            {"184467440737095516"});
    refused(a(R"({"dtype":"U8","shape":["4"],"data_offsets":[0,4]})"), {"a string"});
    refused(a(R"({"dtype":"U8","shape":[4],"data_offsets":[0]})"), {"two numbers"});
    refused(a(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4,4]})"), {"more than 2"});
    refused(safetensors("{\"__metadata__\":{\"a\":1}}"), {"a number"});
    refused(safetensors("{\"__metadata__\":{\"a\":{}}}"), {"an object"});
    refused(safetensors("{" + row("a", "F8_E4M3", "4", "0,4") + "}", "1234"), {"'a'", "'F8_E4M3'"});

    std::string many = "1";
    for (int i = 0; i < 64; ++i) {
        many += ",1";
    }
    refused(safetensors("{" + row("a", "U8", many, "0,1") + "}", "1"), {"more than 64"});
    refused(safetensors("{\"a\":" + std::string(1'000'000, '[')), {"an array"});
    std::string deep = "{";
    for (int i = 0; i < 1'000'000; ++i) {
        deep += "\"a\":{";
    }
    refused(safetensors(deep), {"an object"});
}

BOOST_AUTO_TEST_CASE(data_that_do_not_fit_the_header_are_refused) {
    auto const one = [](std::string const& shape, std::string const& offsets) {
        return safetensors("{" + row("a", "F32", shape, offsets) + "}", "12345678");
    };
    BOOST_TEST(read(one("2", "0,8")).size() == 1u);
    refused(one("2", "8,0"), {"8 and 0"});
    refused(one("2", "0,9"), {"0 and 9", "truncated"});
    refused(one("2", "18446744073709551608,18446744073709551615"), {"truncated"});
    refused(one("3", "0,8"), {"'a' has 8 bytes"});
    refused(one("4294967296,4294967296", "0,8"), {"'a' has 8 bytes"});
    refused(one("4611686018427387906", "0,8"), {"'a' has 8 bytes"}); // times 4 is 8 in 64 bits
    refused(one("1", "0,4"), {"4 bytes that belong to no tensor"});
    refused(one("1", "4,8"), {"must begin at 0"});
    refused(safetensors("{}", "1"), {"belong to no tensor"});

    auto const two = [](std::string const& first, std::string const& second) {
        return safetensors("{" + row("a", "U8", "4", first) + "," + row("b", "U8", "4", second) + "}",
                           "1234567890");
    };
    refused(two("0,4", "3,7"), {"'b'", "overlap"});
    refused(two("0,4", "0,4"), {"overlap"});
    refused(two("0,4", "6,10"), {"'b'", "holes"});
    refused(safetensors("{" + row("a", "U8", "1", "0,1") + "," + row("a", "U8", "1", "1,2") + "}", "12"),
            {"'a' twice"});
}

BOOST_AUTO_TEST_CASE(files_that_are_none_are_refused) {
    auto const folder = std::filesystem::temp_directory_path();
    BOOST_CHECK_EXCEPTION(hookcam::read_safetensors(folder / "hookcam_no_such_file"), hookcam::error,
                          says({"hookcam_no_such_file", "must exist"}));
    BOOST_CHECK_EXCEPTION(hookcam::read_weights(folder), hookcam::error, says({"regular file"}));
    BOOST_CHECK_EXCEPTION(hookcam::read_weights(bytes("neither this nor that"), "some.file"), hookcam::error,
                          says({"read_weights: some.file: ", "safetensors"}));
    BOOST_CHECK_EXCEPTION(hookcam::read_weights(bytes(""), "some.file"), hookcam::error,
                          says({"read_weights"}));
}

BOOST_AUTO_TEST_CASE(genuine_files_are_read) {
    std::filesystem::path const folder{HOOKCAM_SHARED_DIR};
    auto const file = folder / "data/weights/squeezenet1_0_deepcompressed.safetensors";
    if (folder.empty() || !std::filesystem::exists(file)) {
        BOOST_TEST_MESSAGE("skipped: the folder of reference data is not there");
        return;
    }
    auto const dict = hookcam::read_safetensors(file);
    BOOST_TEST(dict.size() == 52u);
    BOOST_TEST(dict.source() == file.string());
    auto const* weight = dict.find("features.0.weight");
    BOOST_TEST_REQUIRE(weight != nullptr);
    BOOST_TEST(weight->shape == (std::vector<std::size_t>{96, 3, 7, 7}), boost::test_tools::per_element());
    BOOST_TEST(weight->to<float>().size() == 96u * 3 * 7 * 7);
    BOOST_TEST(same(dict, hookcam::read_weights(file)));
}
