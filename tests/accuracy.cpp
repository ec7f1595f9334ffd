#define BOOST_TEST_MODULE accuracy
#include <boost/test/unit_test.hpp>

#include <hookcam/tensor/view.hpp>
#include <hookcam/train/accuracy.hpp>
#include <hookcam/train/confusion_matrix.hpp>

#include "expect_error.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

namespace hc = hookcam;

namespace {
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();
using labels = std::vector<std::int64_t>;
} // namespace

/// PyTorch's `argmax(1)` of the same rows: the first of equal ones, and a NaN before any number.
BOOST_AUTO_TEST_CASE(the_class_of_the_largest_logit) {
    xt::xtensor<float, 2> const logits{{1, 3, 2},
                                       {5, 5, 4},
                                       {-3, -2, -1},
                                       {not_a_number, 9, 9},
                                       {1, not_a_number, infinity},
                                       {-infinity, -infinity, -infinity},
                                       {0, infinity, infinity}};
    BOOST_TEST((hc::predicted_classes(logits) == labels{1, 0, 2, 0, 1, 0, 1}));
    BOOST_TEST((hc::predicted_classes(-logits)[2] == 0)); // an expression
    xt::xtensor<float, 2> const none = xt::xtensor<float, 2>::from_shape({0, 3});
    BOOST_TEST(hc::predicted_classes(none).empty());
}

BOOST_AUTO_TEST_CASE(accuracy_is_the_part_that_is_right) {
    xt::xtensor<double, 2> const logits{{1, 3, 2}, {5, 4, 4}, {0, 0, 1}, {1, 0, 0}};
    BOOST_TEST(hc::correct_count(logits, labels{1, 0, 2, 1}) == 3u);
    BOOST_TEST(hc::accuracy(logits, labels{1, 0, 2, 1}) == 0.75);
    BOOST_TEST(hc::accuracy(logits, labels{0, 1, 1, -100}) == 0.0);
    std::array<double, 4> memory{0, 1, 1, 0};
    auto const view = hc::detail::view_of<2>(memory.data(), {2, 2});
    BOOST_TEST(hc::accuracy(view, labels{1, 0}) == 1.0);
    BOOST_TEST(hc::accuracy(xt::xtensor<float, 2>::from_shape({0, 3}), labels{}) == 0.0);
    expect_error(hc::error_kind::shape, {"hookcam::correct_count", "4x3 with 3 labels"}, [&] {
        (void)hc::accuracy(logits, labels{1, 0, 2});
    });
    xt::xtensor<float, 3> const images = xt::xtensor<float, 3>::from_shape({2, 3, 4});
    expect_error(hc::error_kind::shape, {"N,classes", "2x3x4"}, [&] { (void)hc::predicted_classes(images); });
    xt::xtensor<float, 2> const classless = xt::xtensor<float, 2>::from_shape({2, 0});
    expect_error(hc::error_kind::shape, {"N,classes", "2x0"},
                 [&] { (void)hc::predicted_classes(classless); });
}

BOOST_AUTO_TEST_CASE(a_confusion_matrix_counts_what_was_taken_for_what) {
    hc::confusion_matrix counts{3};
    BOOST_TEST(counts.recall(0) == 0.0);
    xt::xtensor<float, 2> const logits{{9, 0, 0}, {0, 9, 0}, {0, 9, 0}, {0, 0, 9}};
    counts.add(logits, labels{0, 0, 1, 1});
    counts.add(logits, labels{0, 1, 1, 0});
    BOOST_TEST(counts(0, 0) == 2u);
    BOOST_TEST(counts(0, 1) == 1u);
    BOOST_TEST(counts(0, 2) == 1u);
    BOOST_TEST(counts(1, 1) == 3u);
    BOOST_TEST(counts(1, 2) == 1u);
    BOOST_TEST(counts(1, 0) == 0u);
    BOOST_TEST(counts.total() == 8u);
    BOOST_TEST(counts.correct() == 5u);
    BOOST_TEST(counts.recall(0) == 0.5);
    BOOST_TEST(counts.recall(1) == 0.75);
    BOOST_TEST(counts.recall(2) == 0.0);
    BOOST_TEST(counts.precision(1) == 0.75);
    BOOST_TEST(counts.precision(2) == 0.0);
    expect_error(hc::error_kind::use, {"hookcam::confusion_matrix", "from 0 to 2; one is 3"}, [&] {
        counts.add(logits, labels{0, 1, 1, 3});
    });
    expect_error(hc::error_kind::use, {"one is -1"}, [&] { counts.add(logits, labels{-1, 1, 1, 0}); });
    expect_error(hc::error_kind::shape, {"4x3 with 2 labels"}, [&] { counts.add(logits, labels{0, 1}); });
    hc::confusion_matrix other{2};
    expect_error(hc::error_kind::shape, {"each of 2 classes; there are 3"}, [&] {
        other.add(logits, labels{0, 0, 0, 0});
    });
    BOOST_TEST(counts.total() == 8u); // nothing of what was refused
}
