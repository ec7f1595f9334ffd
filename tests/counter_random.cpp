#define BOOST_TEST_MODULE counter_random
#include <boost/test/unit_test.hpp>

#include <hookcam/core/counter_random.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>

namespace hc = hookcam;
using hc::counter_random;
using hc::random_use;
using block = counter_random::block_type;

// The known answers that the authors publish with their implementation, Random123 (kat_vectors).
static_assert(counter_random::philox({0, 0, 0, 0}, {0, 0}) ==
              block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
static_assert(counter_random::philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                                     {0xffffffff, 0xffffffff}) ==
              block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
static_assert(counter_random::philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                                     {0xa4093822, 0x299f31d0}) ==
              block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});

// Seed, use, step and place each change what is drawn, and where they go is fixed: a GPU must find the same.
static_assert(counter_random(0x299f31d0'a4093822, static_cast<random_use>(0x03707344), 0x85a308d3, 0x13198a2e)
                  .block(0x243f6a88) == block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});

BOOST_AUTO_TEST_CASE(numbers_are_those_of_their_blocks) {
    counter_random const draw{42, random_use::shuffling, 3, 7};
    for (std::uint32_t i = 0; i < 16; ++i)
        BOOST_TEST(draw(i) == draw.block(i / 4)[i % 4]);
    // Behind 2^32 numbers come others, not the first again.
    BOOST_TEST(draw(std::uint64_t{1} << 33) == draw.block(std::uint32_t{1} << 31)[0]);
}

BOOST_AUTO_TEST_CASE(uniform_stays_below_one_and_spreads) {
    using limits = std::numeric_limits<float>;
    BOOST_TEST(counter_random::to_uniform<float>(0xffffffff) == 1.f - limits::epsilon() / 2);
    BOOST_TEST(counter_random::to_uniform<double>(0xffffffff) == 1. - 0x1p-32);
    BOOST_TEST(counter_random::to_uniform<float>(0x80000000) == .5f);

    counter_random const draw{1, random_use::other};
    constexpr int count = 100'000;
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < count; ++i) {
        auto const x = draw.uniform<double>(static_cast<std::uint64_t>(i));
        sum += x;
        squares += x * x;
        BOOST_REQUIRE(std::abs(x - double{draw.uniform<float>(static_cast<std::uint64_t>(i))}) < 0x1p-23);
    }
    // Five standard deviations of the mean of so many: 5·sqrt(1/12/n), 5·sqrt(4/45/n).
    BOOST_TEST(std::abs(sum / count - 1. / 2) < .0046);
    BOOST_TEST(std::abs(squares / count - 1. / 3) < .0048);
}

BOOST_AUTO_TEST_CASE(below_reaches_every_number_equally_often) {
    counter_random const draw{1, random_use::shuffling};
    std::array<int, 7> counts{};
    constexpr int count = 70'000;
    for (std::uint64_t i = 0; i < count; ++i)
        ++counts.at(draw.below(i, 7));
    double chi_squared = 0;
    for (int const c : counts)
        chi_squared += (c - 10'000.) * (c - 10'000.) / 10'000.;
    BOOST_TEST(chi_squared < 22.5); // 6 degrees of freedom: more in one of a thousand cases
}

BOOST_AUTO_TEST_CASE(no_two_streams_begin_alike) {
    std::set<block> seen;
    std::size_t drawn = 0;
    for (std::uint64_t const seed : {0u, 1u, 2u})
        for (auto const use : {random_use::initialization, random_use::dropout, random_use::shuffling})
            for (std::uint32_t step = 0; step < 4; ++step)
                for (std::uint32_t place = 0; place < 4; ++place, ++drawn)
                    seen.insert(counter_random{seed, use, step, place}.block(0));
    BOOST_TEST(seen.size() == drawn);
}
