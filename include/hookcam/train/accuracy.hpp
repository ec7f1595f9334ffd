#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "../core/error.hpp"
#include "../core/shape_text.hpp"
#include "../tensor/device_view.hpp"

namespace hookcam {

namespace detail {

/// Calls `see(image, class)` with the class of the largest of each image's logits, the first of equal ones. Where one is
/// not a number there is no largest, and the class is that of the first such, as PyTorch's `argmax` has it.
template <class Logits, class See>
void for_each_predicted(Logits const& logits, See const& see, std::string const& entity) {
    auto const& shape = logits.shape();
    if (shape.size() != 2 || shape[1] == 0) {
        throw error{error_kind::shape,
                    "hookcam::" + entity + ": logits must be N,classes; these are " + shape_text(shape)};
    }
    auto const classes = static_cast<std::size_t>(shape[1]);
    auto logit = logits.begin();
    for (std::size_t n = 0; n < static_cast<std::size_t>(shape[0]); ++n) {
        auto largest = *logit;
        std::size_t predicted = 0;
        for (std::size_t c = 0; c < classes; ++c, ++logit) {
            bool const first_not_a_number = *logit != *logit && largest == largest;
            if (*logit > largest || first_not_a_number) {
                largest = *logit;
                predicted = c;
            }
        }
        see(n, static_cast<std::int64_t>(predicted));
    }
}

template <class Logits>
void require_labels(Logits const& logits, std::span<std::int64_t const> labels, std::string const& entity) {
    auto const& shape = logits.shape();
    if (shape.size() != 2 || static_cast<std::size_t>(shape[0]) != labels.size()) {
        throw error{error_kind::shape,
                    "hookcam::" + entity + ": logits must be N,classes with a label each; these are " +
                        shape_text(shape) + " with " + std::to_string(labels.size()) + " labels"};
    }
}

} // namespace detail

/// Of each image, the class with the largest logit, the first of equal ones. Logits are N,classes, any xtensor
/// expression, or a view of a device's memory; other sizes throw `error_kind::shape`.
template <class Logits>
[[nodiscard]] std::vector<std::int64_t> predicted_classes(Logits const& logits) {
    std::vector<std::int64_t> classes;
    detail::for_each_predicted(
        detail::here(logits), [&](std::size_t, std::int64_t predicted) { classes.push_back(predicted); },
        "predicted_classes");
    return classes;
}

/// For how many images the class with the largest logit is the label. Logits are N,classes and labels N; other sizes
/// throw `error_kind::shape`. Allocates nothing, but for what is copied from a device.
template <class Logits>
[[nodiscard]] std::size_t correct_count(Logits const& logits, std::span<std::int64_t const> labels) {
    detail::require_labels(logits, labels, "correct_count");
    std::size_t count = 0;
    detail::for_each_predicted(
        detail::here(logits),
        [&](std::size_t n, std::int64_t predicted) { count += predicted == labels[n] ? 1 : 0; },
        "correct_count");
    return count;
}

/// The part of the images for which the class with the largest logit is the label, 0 to 1; without images 0. For sizes see
/// `correct_count`.
template <class Logits>
[[nodiscard]] double accuracy(Logits const& logits, std::span<std::int64_t const> labels) {
    auto const correct = static_cast<double>(correct_count(logits, labels));
    return labels.empty() ? 0 : correct / static_cast<double>(labels.size());
}

} // namespace hookcam
