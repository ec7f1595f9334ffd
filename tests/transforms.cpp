#define BOOST_TEST_MODULE transforms
#include <boost/test/unit_test.hpp>

#include <hookcam/data/cifar10_dataset.hpp>
#include <hookcam/data/compose.hpp>
#include <hookcam/data/normalize_channels.hpp>
#include <hookcam/data/random_crop.hpp>
#include <hookcam/data/random_horizontal_flip.hpp>
#include <hookcam/data/to_tensor.hpp>

#include "expect_error.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace hc = hookcam;

namespace {

/// An image that owns its values.
template <class T>
struct owned {
    hc::image_shape shape;
    std::vector<T> values = std::vector<T>(shape.size());

    hc::image_span<T> span() { return {values.data(), shape}; }
    hc::image_span<T const> span() const { return {values.data(), shape}; }
};

/// Bytes that are all different, up to 256 of them.
owned<std::uint8_t> numbered(hc::image_shape const& shape) {
    owned<std::uint8_t> image{shape};
    for (std::size_t i = 0; i < shape.size(); ++i) {
        image.values[i] = static_cast<std::uint8_t>(i + 1);
    }
    return image;
}

/// What transforms make of an image in an epoch, as the data set's image `index`.
template <class T, class... Transforms>
auto apply(hc::compose<Transforms...> const& transforms, owned<T> const& image, std::uint32_t epoch = 0,
           std::uint32_t index = 0) {
    auto workspace = transforms.template workspace<T>(image.shape);
    owned<typename hc::compose<Transforms...>::template result<T>> out{transforms.shape(image.shape)};
    auto const read = [&](hc::image_span<T> to) {
        std::ranges::copy(image.values, to.values().begin());
        return 7;
    };
    hc::counter_random const random{1, hc::random_use::augmentation, epoch, index};
    BOOST_TEST(transforms.template run<T>(workspace, random, read, out.span()) == 7);
    return out;
}

/// Each row and column where it comes from; -1 for a zero. By the definition, one step after the other.
std::vector<int> padded_places(int size, int padding, hc::border border) {
    std::vector<int> places;
    for (int i = -padding; i < size + padding; ++i) {
        int at = i;
        if (border == hc::border::zero) {
            at = i < 0 || i >= size ? -1 : i;
        } else {
            at = at < 0 ? -at : at;
            at = at >= size ? size - 1 - (at - (size - 1)) : at;
        }
        places.push_back(at);
    }
    return places;
}

/// The window at (top, left) of the padded image.
std::vector<std::uint8_t> window(owned<std::uint8_t> const& image, hc::random_crop const& crop,
                                 std::size_t top, std::size_t left) {
    auto const rows =
        padded_places(static_cast<int>(image.shape.height), static_cast<int>(crop.padding), crop.border);
    auto const columns =
        padded_places(static_cast<int>(image.shape.width), static_cast<int>(crop.padding), crop.border);
    std::vector<std::uint8_t> values;
    for (std::size_t c = 0; c < image.shape.channels; ++c) {
        for (std::size_t y = 0; y < crop.height; ++y) {
            for (std::size_t x = 0; x < crop.width; ++x) {
                int const from_y = rows[top + y];
                int const from_x = columns[left + x];
                values.push_back(from_y < 0 || from_x < 0 ? std::uint8_t{0}
                                                          : image.span()(c, static_cast<std::size_t>(from_y),
                                                                         static_cast<std::size_t>(from_x)));
            }
        }
    }
    return values;
}

/// A text, because g++ 12 at -O3 warns falsely where vectors of bytes are compared by their order.
std::string as_key(std::vector<std::uint8_t> const& values) {
    return {values.begin(), values.end()};
}

/// Every second pixel of every second row.
struct halve {
    hc::image_shape shape(hc::image_shape in) const { return {in.channels, in.height / 2, in.width / 2}; }
    void operator()(auto from, auto to) const {
        for (std::size_t y = 0; y < to.shape().height; ++y) {
            for (std::size_t x = 0; x < to.shape().width; ++x) {
                to(0, y, x) = from(0, 2 * y, 2 * x);
            }
        }
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(a_crop_is_a_window_of_the_padded_image_and_every_window_is_as_likely) {
    auto const image = numbered({2, 4, 6});
    for (auto const border : {hc::border::zero, hc::border::reflect}) {
        for (auto const& [height, width, padding] : std::vector<std::array<std::size_t, 3>>{
                 {4, 6, 0}, {4, 6, 2}, {2, 3, 0}, {3, 3, 1}, {8, 10, 2}, {1, 1, 3}, {7, 2, 3}}) {
            hc::random_crop const crop{height, width, padding, border};
            std::map<std::string, std::size_t> windows; // how often each place was drawn
            std::size_t places = 0;
            for (std::size_t top = 0; top + height <= 4 + 2 * padding; ++top) {
                for (std::size_t left = 0; left + width <= 6 + 2 * padding; ++left) {
                    windows[as_key(window(image, crop, top, left))] += 0;
                    ++places;
                }
            }
            std::size_t const draws = 40 * places;
            for (std::uint32_t i = 0; i < draws; ++i) {
                auto const out = apply(hc::compose(crop), image, 3, i);
                BOOST_TEST((out.shape == hc::image_shape{2, height, width}));
                BOOST_REQUIRE(windows.contains(as_key(out.values)));
                ++windows[as_key(out.values)];
            }
            if (windows.size() == places) { // else different places look alike
                for (auto const& [values, count] : windows) {
                    BOOST_TEST(count >= 10u); // expected 40, standard deviation about 6: beyond four of them
                    BOOST_TEST(count <= 72u);
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_crop_that_does_not_fit_says_so_before_any_image_is_read) {
    expect_error(hc::error_kind::shape,
                 {"hookcam::random_crop", "window of 33×32", "32×32 with a padding of 0"}, [] {
                     (void)hc::random_crop{33, 32}.shape({3, 32, 32});
                 });
    BOOST_TEST((hc::random_crop{40, 40, 4}.shape({3, 32, 32}) == hc::image_shape{3, 40, 40}));
    expect_error(hc::error_kind::shape, {"window of 41×40"}, [] {
        (void)hc::random_crop{41, 40, 4}.shape({3, 32, 32});
    });
    expect_error(hc::error_kind::shape, {"window of 0×1"}, [] {
        (void)hc::random_crop{0, 1}.shape({3, 32, 32});
    });
    expect_error(hc::error_kind::shape, {"larger than a border that reflects it"}, [] {
        (void)hc::random_crop{4, 4, 4, hc::border::reflect}.shape({3, 4, 5});
    });
    BOOST_TEST((hc::random_crop{4, 4, 3, hc::border::reflect}.shape({3, 4, 5}) == hc::image_shape{3, 4, 4}));
}

BOOST_AUTO_TEST_CASE(a_flip_mirrors_each_row_half_the_time) {
    auto const image = numbered({2, 2, 3});
    std::vector<std::uint8_t> const mirrored{3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10};
    std::size_t flipped = 0;
    for (std::uint32_t i = 0; i < 1000; ++i) {
        auto const out = apply(hc::compose(hc::random_horizontal_flip{}), image, 0, i);
        BOOST_TEST((out.values == image.values || out.values == mirrored));
        flipped += out.values == mirrored ? 1 : 0;
    }
    BOOST_TEST(flipped > 437u); // 500, standard deviation 15.8: four of them
    BOOST_TEST(flipped < 563u);
    for (std::uint32_t i = 0; i < 50; ++i) {
        BOOST_TEST((apply(hc::compose(hc::random_horizontal_flip{.probability = 1}), image, 0, i).values ==
                    mirrored));
        BOOST_TEST((apply(hc::compose(hc::random_horizontal_flip{.probability = 0}), image, 0, i).values ==
                    image.values));
    }
}

BOOST_AUTO_TEST_CASE(bytes_become_numbers_with_the_bits_of_normalize) {
    owned<std::uint8_t> image{{3, 16, 16}};
    for (std::size_t i = 0; i < image.values.size(); ++i) {
        image.values[i] = static_cast<std::uint8_t>(i); // each of the 256 in each channel
    }
    auto const half =
        apply(hc::compose(hc::to_tensor{}, hc::normalize({0.5, 0.5, 0.5}, {0.5, 0.5, 0.5})), image);
    static_assert(std::is_same_v<decltype(half), owned<float> const>);
    BOOST_TEST(half.values[0] == -1.0F);
    BOOST_TEST(half.values[255] == 1.0F);
    for (auto const& how : {hc::cifar10_half, hc::cifar10_own}) {
        std::vector<float> wanted(image.values.size());
        hc::normalize_planes(std::span<std::uint8_t const>{image.values}, how, std::span{wanted});
        BOOST_TEST((apply(hc::compose(hc::to_tensor{}, hc::normalize(how)), image).values == wanted));
        std::vector<double> in_double(image.values.size());
        hc::normalize_planes(std::span<std::uint8_t const>{image.values}, how, std::span{in_double});
        BOOST_TEST(
            (apply(hc::compose(hc::to_tensor<double>{}, hc::normalize(how)), image).values == in_double));
    }
    BOOST_TEST(apply(hc::compose(hc::to_tensor{}), image).values[51] == 51.0F / 255);
    // Numbers are kept.
    owned<double> const numbers{{1, 1, 2}, {0.25, -3}};
    BOOST_TEST((apply(hc::compose(hc::to_tensor{}), numbers).values == std::vector<float>{0.25F, -3}));
}

BOOST_AUTO_TEST_CASE(a_normalization_that_cannot_be_is_refused) {
    expect_error(hc::error_kind::use, {"hookcam::normalize", "channel 1"}, [] {
        (void)hc::normalize({0.5, 0.5}, {0.5, 0.0});
    });
    expect_error(hc::error_kind::use, {"hookcam::normalize", "channel 0"},
                 [] { (void)hc::normalize({1.0 / 0.0 * 0.0}, {1.0}); });
    expect_error(hc::error_kind::use, {"range must be 255", "it is 1"},
                 [] { (void)hc::normalize({.range = 1}); });
    expect_error(hc::error_kind::shape, {"hookcam::normalize", "each of 1 channels; there are 3"}, [] {
        (void)hc::compose(hc::to_tensor{}, hc::normalize(hc::cifar10_half)).shape({1, 28, 28});
    });
}

BOOST_AUTO_TEST_CASE(a_row_of_transforms_is_each_of_them_in_turn) {
    auto const image = numbered({3, 6, 6});
    hc::random_crop const crop{5, 4, 1};
    auto const whole = apply(hc::compose(
                                 crop, hc::random_horizontal_flip{}, hc::to_tensor{},
                                 [](hc::image_span<float> each) { each(0, 0, 0) = 100; },
                                 hc::normalize({0.25, 0.5, 0.75}, {1.0, 2.0, 4.0})),
                             image, 5, 11);
    BOOST_TEST((whole.shape == hc::image_shape{3, 5, 4}));
    // By hand, with the draws of the first and the second place.
    hc::counter_random const random{1, hc::random_use::augmentation, 5, 11};
    owned<std::uint8_t> cropped{{3, 5, 4}};
    hc::random_draws first{random, 0};
    crop(image.span(), cropped.span(), first);
    hc::random_draws second{random, 1};
    hc::random_horizontal_flip{}(cropped.span(), second);
    std::array<float, 3> const mean{0.25F, 0.5F, 0.75F};
    std::array<float, 3> const deviation{1, 2, 4};
    for (std::size_t i = 0; i < whole.values.size(); ++i) {
        float const x = i == 0 ? 100 : static_cast<float>(cropped.values[i]) / 255;
        BOOST_TEST(whole.values[i] == (x - mean[i / 20]) / deviation[i / 20]);
    }
}

BOOST_AUTO_TEST_CASE(what_is_drawn_depends_on_epoch_and_image_and_place_alone) {
    auto const image = numbered({1, 8, 8});
    auto const transforms = hc::compose(hc::random_crop{6, 6, 2}, hc::random_crop{6, 6, 2});
    auto const first = apply(transforms, image, 2, 9).values;
    BOOST_TEST((apply(transforms, image, 2, 9).values == first));
    std::size_t others = 0;
    for (std::uint32_t i = 0; i < 20; ++i) {
        others += apply(transforms, image, 3 + i, 9).values != first ? 1 : 0;
        others += apply(transforms, image, 2, 10 + i).values != first ? 1 : 0;
    }
    BOOST_TEST(others > 30u); // of 40: a few may be alike by chance

    // A transform in front that draws more changes nothing of what is drawn behind it.
    struct draws_twice {
        void operator()(hc::image_span<std::uint8_t>, hc::random_draws& random) const {
            (void)random.uniform();
            (void)random.below(3);
        }
    };
    struct draws_never {
        void operator()(hc::image_span<std::uint8_t>) const {}
    };
    hc::random_crop const crop{4, 4, 4};
    BOOST_TEST((apply(hc::compose(draws_twice{}, crop), image, 2, 9).values ==
                apply(hc::compose(draws_never{}, crop), image, 2, 9).values));
}

BOOST_AUTO_TEST_CASE(transforms_of_ones_own) {
    BOOST_TEST((apply(hc::compose(halve{}, halve{}), numbered({1, 4, 8})).values ==
                std::vector<std::uint8_t>{1, 5}));
    // Nothing makes a new image: the data set writes where the result stands.
    auto const twice = [](hc::image_span<float> image) {
        for (auto& x : image.values()) {
            x *= 2;
        }
    };
    BOOST_TEST((apply(hc::compose(twice, twice), owned<float>{{1, 1, 2}, {1, 3}}).values ==
                std::vector<float>{4, 12}));
    BOOST_TEST((apply(hc::compose(), owned<float>{{1, 1, 2}, {1, 3}}).values == std::vector<float>{1, 3}));
}
