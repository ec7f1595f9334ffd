#define BOOST_TEST_MODULE data_loader
#include <boost/test/unit_test.hpp>

#include <hookcam/data/cifar10_dataset.hpp>
#include <hookcam/data/data_loader.hpp>
#include <hookcam/data/normalize_channels.hpp>
#include <hookcam/data/random_crop.hpp>
#include <hookcam/data/random_horizontal_flip.hpp>
#include <hookcam/data/subset.hpp>

#include "expect_error.hpp"
#include "sanitized.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <new>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace hc = hookcam;

// Every allocation of the process is counted, by the entry points that glibc lets a program wrap.
namespace {
std::atomic<std::size_t> allocations{0};
}
#if !defined(HOOKCAM_ADDRESS_SANITIZER) && !defined(HOOKCAM_THREAD_SANITIZER)
#define HOOKCAM_COUNTS_MALLOC 1
extern "C" void* __libc_malloc(std::size_t);
extern "C" void* malloc(std::size_t size) {
    ++allocations;
    return __libc_malloc(size);
}
#endif

namespace {

/// `count` images of 2 × 6 × 5 bytes that follow from their number, which is the label.
struct numbered {
    std::size_t count;

    std::size_t size() const { return count; }
    hc::image_shape shape() const { return {2, 6, 5}; }
    std::int64_t read(std::size_t index, hc::image_span<std::uint8_t> image) const {
        for (std::size_t i = 0; i < 60; ++i) {
            image.values()[i] = static_cast<std::uint8_t>(index * 31 + i * 7 + index * i);
        }
        return static_cast<std::int64_t>(index);
    }
};

auto const augmented =
    hc::compose(hc::random_crop{6, 5, 2, hc::border::reflect}, hc::random_horizontal_flip{}, hc::to_tensor{},
                hc::normalize({0.5, 0.25}, {0.5, 0.25}));

/// All that a batch holds.
struct copied {
    std::size_t number;
    std::vector<float> images;
    std::vector<std::int64_t> labels;
    std::vector<std::size_t> indices;

    friend bool operator==(copied const&, copied const&) = default;
};

copied copy(auto const& batch) {
    return {batch.number,
            {batch.images.data(), batch.images.data() + batch.images.size()},
            {batch.labels.begin(), batch.labels.end()},
            {batch.indices.begin(), batch.indices.end()}};
}

std::vector<copied> epoch_of(auto& loader) {
    std::vector<copied> all;
    for (auto const& batch : loader) {
        all.push_back(copy(batch));
    }
    return all;
}

/// The labels of an epoch, in their order.
std::vector<std::int64_t> labels_of(auto& loader) {
    std::vector<std::int64_t> all;
    for (auto const& batch : loader) {
        all.insert(all.end(), batch.labels.begin(), batch.labels.end());
    }
    return all;
}

std::vector<std::int64_t> counted(std::size_t count) {
    std::vector<std::int64_t> all;
    for (std::size_t i = 0; i < count; ++i) {
        all.push_back(static_cast<std::int64_t>(i));
    }
    return all;
}

} // namespace

static_assert(std::ranges::input_range<hc::data_loader<numbered>>);
static_assert(std::movable<hc::data_loader<numbered>>);
static_assert(std::constructible_from<hc::data_loader<numbered>, numbered const&>);
static_assert(!std::constructible_from<hc::data_loader<numbered>, numbered>); // would dangle
static_assert(!std::constructible_from<hc::data_loader<numbered>, numbered, hc::data_loader_options>);

BOOST_AUTO_TEST_CASE(batches_in_the_order_of_the_data_set) {
    numbered const data{10};
    hc::data_loader loader{data, {.batch_size = 4}};
    BOOST_TEST(loader.size() == 3u);
    BOOST_TEST(loader.image_count() == 10u);
    BOOST_TEST((loader.shape() == hc::image_shape{2, 6, 5}));
    auto const batches = epoch_of(loader);
    BOOST_REQUIRE(batches.size() == 3u);
    BOOST_TEST((batches[1].labels == std::vector<std::int64_t>{4, 5, 6, 7}));
    BOOST_TEST((batches[2].labels == std::vector<std::int64_t>{8, 9}));
    BOOST_TEST((batches[2].indices == std::vector<std::size_t>{8, 9}));
    BOOST_TEST(batches[2].number == 2u);
    for (std::size_t i = 0; i < 60; ++i) { // the image, through to_tensor
        BOOST_TEST(batches[1].images[2 * 60 + i] == static_cast<float>((6 * 31 + i * 7 + 6 * i) % 256) / 255);
    }
    for (auto const& batch : loader) {
        std::size_t const count = batch.number == 2 ? 2 : 4;
        BOOST_TEST((batch.images.shape() == std::array<std::size_t, 4>{count, 2, 6, 5}));
        BOOST_TEST(batch.size() == count);
        BOOST_TEST(batch.images(1, 1, 5, 4) == batches[batch.number].images[119]);
    }

    hc::data_loader whole{data, hc::to_tensor<double>{}, {.batch_size = 4, .drop_last = true}};
    static_assert(std::same_as<decltype(whole)::value_type, double>);
    BOOST_TEST(whole.size() == 2u);
    BOOST_TEST((labels_of(whole) == counted(8)));
    hc::data_loader one_batch{data, {.batch_size = 1000}};
    BOOST_TEST((labels_of(one_batch) == counted(10)));
    hc::data_loader ones{data};
    BOOST_TEST(ones.size() == 10u);
    BOOST_TEST((labels_of(ones) == counted(10)));
}

BOOST_AUTO_TEST_CASE(a_seed_gives_the_same_batches_for_any_number_of_workers) {
    numbered const data{103};
    auto const with = [&](std::size_t workers, std::size_t prefetch) {
        hc::data_loader loader{
            data,
            augmented,
            {.batch_size = 8, .shuffle = true, .seed = 5, .workers = workers, .prefetch = prefetch}};
        std::vector<copied> all;
        for (int epoch = 0; epoch < 3; ++epoch) {
            for (auto& batch : epoch_of(loader)) {
                all.push_back(std::move(batch));
            }
        }
        return all;
    };
    auto const wanted = with(0, 2);
    BOOST_TEST(wanted.size() == 39u);
    for (std::size_t const workers : {1U, 2U, 3U, 7U}) {
        for (std::size_t const prefetch : {1U, 2U, 50U}) {
            BOOST_TEST((with(workers, prefetch) == wanted), workers << " workers, " << prefetch << " ahead");
        }
    }
    // An image of an epoch is the same in a batch of another size.
    hc::data_loader loader{data, augmented, {.batch_size = 5, .shuffle = true, .seed = 5, .workers = 1}};
    auto const first = epoch_of(loader)[0];
    BOOST_TEST((std::vector(wanted[0].images.begin(), wanted[0].images.begin() + 300) == first.images));
}

BOOST_AUTO_TEST_CASE(each_epoch_and_each_seed_has_an_order_of_its_own) {
    numbered const data{200};
    std::set<std::vector<std::int64_t>> orders;
    for (std::uint64_t const seed : {0U, 1U, 2U}) {
        hc::data_loader loader{data, {.batch_size = 7, .shuffle = true, .seed = seed}};
        for (int epoch = 0; epoch < 3; ++epoch) {
            auto order = labels_of(loader);
            BOOST_TEST(orders.insert(order).second);
            std::ranges::sort(order);
            BOOST_TEST((order == counted(200)));
        }
    }
    // Each image as likely at each place: 3 images over 6,000 orders.
    numbered const three{3};
    hc::data_loader loader{three, {.batch_size = 3, .shuffle = true}};
    std::map<std::vector<std::int64_t>, int> counts;
    for (int epoch = 0; epoch < 6000; ++epoch) {
        ++counts[labels_of(loader)];
    }
    BOOST_TEST(counts.size() == 6u);
    for (auto const& [order, count] : counts) {
        BOOST_TEST(count > 880); // expected 1000, standard deviation 29: four of them
        BOOST_TEST(count < 1120);
    }
}

BOOST_AUTO_TEST_CASE(a_training_goes_on_where_it_stopped) {
    numbered const data{40};
    hc::data_loader_options const options{.batch_size = 6, .shuffle = true, .seed = 9};
    for (std::size_t const workers : {0U, 2U}) {
        auto its_own = options;
        its_own.workers = workers;
        hc::data_loader loader{data, augmented, its_own};
        std::vector<std::vector<copied>> epochs;
        for (std::size_t epoch = 0; epoch < 3; ++epoch) {
            BOOST_TEST(loader.epoch() == epoch);
            epochs.push_back(epoch_of(loader));
        }
        hc::data_loader resumed{data, augmented, its_own};
        resumed.set_epoch(2);
        BOOST_TEST((epoch_of(resumed) == epochs[2]));
        BOOST_TEST(resumed.epoch() == 3u);
        resumed.set_epoch(1, 4);
        auto const rest = epoch_of(resumed);
        BOOST_TEST((rest == std::vector(epochs[1].begin() + 4, epochs[1].end())));
        BOOST_TEST((epoch_of(resumed) == epochs[2])); // from its first batch
        resumed.set_epoch(0, 7);
        BOOST_TEST(epoch_of(resumed).empty());
        expect_error(hc::error_kind::use, {"hookcam::data_loader", "at most 7 batches", "batch 8"},
                     [&] { resumed.set_epoch(0, 8); });
        expect_error(hc::error_kind::use, {"below 2^32"}, [&] { resumed.set_epoch(std::size_t{1} << 32); });

        auto moved = std::move(resumed);
        moved.set_epoch(1);
        BOOST_TEST((epoch_of(moved) == epochs[1]));
    }
}

BOOST_AUTO_TEST_CASE(a_loop_may_end_early) {
    numbered const data{300};
    for (std::size_t const workers : {0U, 1U, 3U}) {
        hc::data_loader loader{data, {.batch_size = 2, .workers = workers}};
        for (std::size_t stop = 0; stop < 20; ++stop) {
            std::size_t seen = 0;
            for (auto const& batch : loader) {
                BOOST_TEST(batch.number == seen);
                if (seen++ == stop) {
                    break;
                }
            }
            BOOST_TEST(seen == stop + 1);
        }
        BOOST_TEST(loader.epoch() == 20u);
        BOOST_TEST((labels_of(loader) == counted(300)));
    }
    for (int i = 0; i < 50; ++i) { // destroyed at any moment
        hc::data_loader loader{data, {.batch_size = 2, .workers = 3}};
        auto it = loader.begin();
        for (int k = 0; k < i; ++k) {
            ++it;
        }
    }
    for (int i = 0; i < 50; ++i) {
        hc::data_loader const unused{data, {.batch_size = 2, .workers = 3}};
    }
}

namespace {

/// Counts what is read, and may take its time.
struct watched : numbered {
    explicit watched(std::size_t images) : numbered{images} {}

    std::int64_t read(std::size_t index, hc::image_span<std::uint8_t> image) const {
        ++reads;
        if (index >= slow_from) {
            std::this_thread::sleep_for(std::chrono::milliseconds{2});
        }
        {
            std::lock_guard const lock{mutex};
            readers.insert(std::this_thread::get_id());
        }
        return numbered::read(index, image);
    }

    mutable std::atomic<std::size_t> reads{0};
    mutable std::mutex mutex;
    mutable std::set<std::thread::id> readers;
    std::size_t slow_from = 1000000;
};

} // namespace

BOOST_AUTO_TEST_CASE(workers_are_ahead_by_a_bounded_number_of_batches) {
    watched const data{1000};
    hc::data_loader loader{data, {.batch_size = 10, .workers = 2, .prefetch = 3}};
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    BOOST_TEST(data.reads == 0u); // nothing before an epoch begins
    auto it = loader.begin();
    auto const settled = [&](std::size_t wanted) {
        for (int i = 0; i < 500 && data.reads < wanted; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{20}); // it might go on
        return data.reads.load();
    };
    BOOST_TEST(settled(70) == 70u); // six ahead and the one that is looked at
    ++it;
    BOOST_TEST(settled(80) == 80u);
    BOOST_TEST(data.readers.count(std::this_thread::get_id()) == 0u);
    BOOST_TEST(data.readers.size() <= 2u);

    watched const mine{20};
    hc::data_loader without{mine, {.batch_size = 5}};
    auto const first = without.begin();
    BOOST_TEST(mine.reads == 5u);
    BOOST_TEST(mine.readers.count(std::this_thread::get_id()) == 1u);
}

BOOST_AUTO_TEST_CASE(what_is_wanted_no_more_is_not_finished) {
    watched data{8000};
    data.slow_from = 2000;
    {
        hc::data_loader loader{data, {.batch_size = 2000, .workers = 2}};
        for (int epoch = 0; epoch < 3; ++epoch) {
            data.reads = 0;
            for (auto const& batch : loader) { // the first comes soon, the next would take four seconds
                BOOST_TEST(batch.labels[7] == 7);
                break;
            }
        }
    }
    BOOST_TEST(data.reads >= 2000u);
    BOOST_TEST(data.reads < 4000u);
}

namespace {

struct breaks_at : numbered {
    std::size_t broken;

    std::int64_t read(std::size_t index, hc::image_span<std::uint8_t> image) const {
        if (index == broken) {
            throw std::runtime_error{"image " + std::to_string(index) + " is broken"};
        }
        return numbered::read(index, image);
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(what_reading_throws_arrives_with_its_batch) {
    for (std::size_t const workers : {0U, 1U, 3U}) {
        for (std::size_t const broken : {0U, 1U, 37U, 99U}) {
            breaks_at const data{{100}, broken};
            hc::data_loader loader{data, {.batch_size = 4, .workers = workers}};
            for (int epoch = 0; epoch < 2; ++epoch) {
                std::size_t seen = 0;
                std::string said;
                try {
                    for (auto const& batch : loader) {
                        BOOST_TEST(batch.labels[0] == static_cast<std::int64_t>(4 * seen));
                        ++seen;
                    }
                } catch (std::runtime_error const& e) {
                    said = e.what();
                }
                BOOST_TEST(seen == broken / 4);
                BOOST_TEST(said == "image " + std::to_string(broken) + " is broken");
            }
            // Behind it.
            loader.set_epoch(0, broken / 4 + 1);
            BOOST_TEST(labels_of(loader).size() == 100 - 4 * (broken / 4 + 1));
        }
    }
    // Nobody comes for it.
    breaks_at const data{{100}, 3};
    hc::data_loader loader{data, {.batch_size = 1, .workers = 2}};
    auto const it = loader.begin();
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_refused_at_once) {
    numbered const data{10};
    numbered const empty{0};
    using words = std::vector<std::string>;
    auto const refused = [](words const& say, auto const& call) {
        expect_error(hc::error_kind::use, say, call);
    };
    refused({"hookcam::data_loader", "must hold an image; it is empty"},
            [&] { hc::data_loader loader{empty}; });
    refused({"batch_size is 0"}, [&] { hc::data_loader loader{data, {.batch_size = 0}}; });
    refused({"prefetch is 0"}, [&] { hc::data_loader loader{data, {.workers = 1, .prefetch = 0}}; });
    refused({"an epoch must have a batch", "10 images", "batch of 11"}, [&] {
        hc::data_loader loader{data, {.batch_size = 11, .drop_last = true}};
    });
    refused({"less than 2^32"}, [&] {
        numbered const endless{std::size_t{1} << 32};
        hc::data_loader loader{endless};
    });
    expect_error(hc::error_kind::shape, {"hookcam::random_crop", "window of 7×5"}, [&] {
        hc::data_loader loader{data, hc::compose(hc::random_crop{7, 5}, hc::to_tensor{}), {.workers = 2}};
    });
}

BOOST_AUTO_TEST_CASE(ten_lines_of_ones_own_are_a_data_set_and_a_lambda_is_a_transform) {
    struct ramps {
        std::size_t size() const { return 4; }
        hc::image_shape shape() const { return {1, 2, 3}; }
        std::int64_t read(std::size_t index, hc::image_span<float> image) const {
            for (std::size_t x = 0; x < 3; ++x) {
                image(0, 0, x) = image(0, 1, x) = static_cast<float>(index * x);
            }
            return index % 2 == 0 ? 1 : -1;
        }
    };
    ramps const data;
    hc::data_loader loader{
        data, [](hc::image_span<float> image) { image(0, 1, 0) = 50; }, {.batch_size = 3, .workers = 1}};
    auto const batches = epoch_of(loader);
    BOOST_TEST(
        (batches[0].images == std::vector<float>{0, 0, 0, 50, 0, 0, 0, 1, 2, 50, 1, 2, 0, 2, 4, 50, 2, 4}));
    BOOST_TEST((batches[0].labels == std::vector<std::int64_t>{1, -1, 1}));
    BOOST_TEST((batches[1].labels == std::vector<std::int64_t>{-1}));
    hc::data_loader plain{data}; // to_tensor keeps numbers
    BOOST_TEST((epoch_of(plain)[2].images == std::vector<float>{0, 2, 4, 0, 2, 4}));
    auto const in_place = [](auto image) { image(0, 0, 0) = 7; };
    hc::data_loader generic{data, hc::compose(in_place, hc::to_tensor<double>{}), {}};
    BOOST_TEST((*generic.begin()).images(0, 0, 0, 0) == 7.0);
}

BOOST_AUTO_TEST_CASE(nothing_is_allocated_once_the_loader_is_made) {
    numbered const data{500};
    for (std::size_t const workers : {0U, 1U, 3U}) {
        hc::data_loader loader{
            data, augmented, {.batch_size = 16, .shuffle = true, .seed = 5, .workers = workers}};
        std::this_thread::sleep_for(std::chrono::milliseconds{20}); // threads have begun
        auto const before = allocations.load();
        float sum = 0;
        for (int epoch = 0; epoch < 3; ++epoch) {
            for (auto const& batch : loader) {
                sum += batch.images(0, 0, 0, 0);
            }
        }
        BOOST_TEST(allocations.load() - before == 0u);
        BOOST_TEST(std::abs(sum) < 1e6F);
    }
#if defined(HOOKCAM_COUNTS_MALLOC)
    auto const before = allocations.load();
    ::operator delete(::operator new(1000)); // a vector that nobody reads may be left out
    BOOST_TEST(allocations.load() > before); // it does count
#endif
}

BOOST_AUTO_TEST_CASE(cifar10_augmented_is_the_same_for_any_number_of_workers) {
    std::string const folder = std::string{HOOKCAM_SHARED_DIR} + "/data/cifar10";
    if (!std::filesystem::exists(folder + "/test_batch.bin")) {
        BOOST_TEST_MESSAGE("skipped: CIFAR-10 is not there");
        return;
    }
    hc::cifar10 const data{folder, hc::cifar10_part::test};
    hc::subset const part{data, 1000, 2000};
    auto const transforms = hc::compose(hc::random_crop{32, 32, 4}, hc::random_horizontal_flip{},
                                        hc::to_tensor{}, hc::normalize(hc::cifar10_half));
    auto const with = [&](std::size_t workers) {
        hc::data_loader loader{
            part, transforms, {.batch_size = 64, .shuffle = true, .seed = 1, .workers = workers}};
        return epoch_of(loader);
    };
    auto const wanted = with(0);
    BOOST_TEST((with(1) == wanted));
    BOOST_TEST((with(4) == wanted));
    // A quarter of the windows, a half mirrored: few images are as they were.
    hc::data_loader plain{part,
                          hc::compose(hc::to_tensor{}, hc::normalize(hc::cifar10_half)),
                          {.batch_size = 64, .shuffle = true, .seed = 1}};
    auto const as_they_are = epoch_of(plain);
    std::size_t same = 0;
    for (std::size_t b = 0; b < wanted.size(); ++b) {
        BOOST_TEST((wanted[b].indices == as_they_are[b].indices));
        BOOST_TEST(wanted[b].labels[0] == data.label(1000 + wanted[b].indices[0]));
        for (std::size_t n = 0; n < wanted[b].labels.size(); ++n) {
            same += std::memcmp(wanted[b].images.data() + n * 3072, as_they_are[b].images.data() + n * 3072,
                                3072 * sizeof(float)) == 0
                        ? 1
                        : 0;
        }
    }
    BOOST_TEST(same < 40u); // expected 2000 / 81 / 2 = 12, standard deviation 3.5
    auto const [low, high] = std::ranges::minmax(as_they_are[0].images);
    BOOST_TEST(low >= -1.0F);
    BOOST_TEST(high <= 1.0F);
}
