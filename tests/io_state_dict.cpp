// State dicts: conversions of every type of number, and keys.

#define BOOST_TEST_MODULE io_state_dict
#include "io_files.hpp"

#include <hookcam/io/state_dict.hpp>

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

using hookcam::dtype;
using hookcam::state_dict;
using hookcam::state_entry;
using namespace io_files;

namespace {

template <class T>
state_entry entry(dtype type, std::vector<T> const& values) {
    auto const raw = numbers(values);
    auto const view = bytes(raw);
    return {type, {values.size()}, {view.begin(), view.end()}};
}

/// A number of `exponent_bits` and `fraction_bits`, by the definition of IEEE 754.
double by_definition(unsigned bits, int exponent_bits, int fraction_bits) {
    int const bias = (1 << (exponent_bits - 1)) - 1;
    int const exponent = static_cast<int>(bits >> fraction_bits) & ((1 << exponent_bits) - 1);
    double const fraction = std::ldexp(bits & ((1u << fraction_bits) - 1), -fraction_bits);
    double const sign = (bits >> (exponent_bits + fraction_bits)) != 0 ? -1 : 1;
    if (exponent == (1 << exponent_bits) - 1) {
        return fraction == 0 ? sign * std::numeric_limits<double>::infinity()
                             : std::numeric_limits<double>::quiet_NaN();
    }
    return sign *
           (exponent == 0 ? std::ldexp(fraction, 1 - bias) : std::ldexp(1 + fraction, exponent - bias));
}

bool same_number(double a, double b) {
    return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

} // namespace

BOOST_AUTO_TEST_CASE(every_half_and_every_bfloat16_converts_exactly) {
    std::vector<std::uint16_t> all(65536);
    for (std::size_t i = 0; i < all.size(); ++i) {
        all[i] = static_cast<std::uint16_t>(i);
    }
    auto const halves = entry(dtype::f16, all).to<float>();
    auto const bfloats = entry(dtype::bf16, all).to<double>();
    std::size_t wrong = 0;
    for (unsigned i = 0; i < all.size(); ++i) {
        wrong += same_number(halves[i], by_definition(i, 5, 10)) ? 0 : 1;
        wrong += same_number(bfloats[i], by_definition(i, 8, 7)) ? 0 : 1;
    }
    BOOST_TEST(wrong == 0u);
}

BOOST_AUTO_TEST_CASE(doubles_become_the_nearest_float) {
    auto const values =
        entry(dtype::f64, std::vector{0.1, 1 + 0x1p-24, 1 + 0x1.8p-24, 1e-46, -2.5}).to<float>();
    BOOST_TEST(values == (std::vector{0.1f, 1.f, 1 + 0x1p-23f, 0.f, -2.5f}),
               boost::test_tools::per_element());
    BOOST_TEST(entry(dtype::f32, std::vector{0.1f}).to<double>()[0] == double{0.1f});
}

BOOST_AUTO_TEST_CASE(integers_are_read) {
    auto const least = std::numeric_limits<std::int64_t>::min();
    std::vector<std::int64_t> const longs{least, -1, (std::int64_t{1} << 53) + 1};
    BOOST_TEST(entry(dtype::i64, longs).to<std::int64_t>() == longs, boost::test_tools::per_element());
    BOOST_TEST(entry(dtype::i64, longs).to<float>()[2] == 0x1p53f);
    BOOST_TEST(entry(dtype::i32, std::vector<std::int32_t>{-70000}).to<std::int64_t>()[0] == -70000);
    BOOST_TEST(entry(dtype::i16, std::vector<std::int16_t>{-300}).to<double>()[0] == -300.0);
    BOOST_TEST(entry(dtype::i8, std::vector<std::int8_t>{-3}).to<float>()[0] == -3.f);
    BOOST_TEST(entry(dtype::u8, std::vector<std::uint8_t>{253}).to<float>()[0] == 253.f);
    BOOST_TEST(entry(dtype::boolean, std::vector<std::uint8_t>{0, 1, 255}).to<std::int64_t>() ==
                   (std::vector<std::int64_t>{0, 1, 1}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(floats_do_not_become_integers) {
    BOOST_CHECK_EXCEPTION((void)entry(dtype::bf16, std::vector<std::uint16_t>{0}).to<std::int64_t>(),
                          hookcam::error,
                          [](auto const& error) { return error.kind() == hookcam::error_kind::use; });
}

BOOST_AUTO_TEST_CASE(keys_are_found_listed_in_order_and_unique) {
    state_dict dict{"some.file"};
    BOOST_TEST(dict.empty());
    BOOST_TEST(dict.insert("b", entry(dtype::f32, std::vector{1.f})));
    BOOST_TEST(dict.insert("a", entry(dtype::f32, std::vector{2.f, 3.f})));
    BOOST_TEST(!dict.insert("a", entry(dtype::f32, std::vector{4.f})));
    BOOST_TEST(dict.size() == 2u);
    BOOST_TEST(dict.begin()->first == "a");
    BOOST_TEST(dict.find("a")->size() == 2u);
    BOOST_TEST(dict.find("c") == nullptr);
    BOOST_TEST(dict.source() == "some.file");
}

BOOST_AUTO_TEST_CASE(a_prefix_is_stripped_where_all_keys_have_it) {
    state_dict dict;
    BOOST_TEST(!dict.strip_prefix("module."));
    for (auto const* key : {"module.b", "module.a", "module.module.c"}) {
        dict.insert(key, entry(dtype::f32, std::vector{1.f}));
    }
    BOOST_TEST(!dict.strip_prefix("model."));
    BOOST_TEST(!dict.strip_prefix(""));
    BOOST_TEST(dict.strip_prefix("module."));
    BOOST_TEST((dict.find("a") != nullptr && dict.find("b") != nullptr && dict.find("module.c") != nullptr));
    BOOST_TEST(!dict.strip_prefix("module."));
    BOOST_TEST(dict.size() == 3u);
}
