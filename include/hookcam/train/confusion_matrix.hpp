#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "../core/error.hpp"
#include "accuracy.hpp"

namespace hookcam {

/// Counts which classes are taken for which: of each true class, how often each was predicted.
class confusion_matrix {
public:
    /// Of so many classes, nothing counted yet.
    explicit confusion_matrix(std::size_t classes) : m_classes{classes}, m_counts(classes * classes) {}

    /// Counts a batch: logits N,classes and labels N. Throws `error_kind::shape` for other sizes, and `error_kind::use`
    /// for a label that is no class; nothing is counted then.
    template <class Logits>
    void add(Logits const& logits, std::span<std::int64_t const> labels) {
        detail::require_labels(logits, labels, "confusion_matrix");
        if (static_cast<std::size_t>(logits.shape()[1]) != m_classes) {
            throw error{error_kind::shape, "hookcam::confusion_matrix: there must be a logit for each of " +
                                               std::to_string(m_classes) + " classes; there are " +
                                               std::to_string(logits.shape()[1])};
        }
        for (auto const label : labels) {
            if (label < 0 || static_cast<std::size_t>(label) >= m_classes) {
                throw error{error_kind::use, "hookcam::confusion_matrix: labels must lie from 0 to " +
                                                 std::to_string(m_classes - 1) + "; one is " +
                                                 std::to_string(label)};
            }
        }
        detail::for_each_predicted(
            detail::here(logits),
            [&](std::size_t n, std::int64_t predicted) {
                ++m_counts[static_cast<std::size_t>(labels[n]) * m_classes +
                           static_cast<std::size_t>(predicted)];
            },
            "confusion_matrix");
    }

    /// How many classes there are.
    [[nodiscard]] std::size_t classes() const noexcept { return m_classes; }

    /// How many images of class `label` were taken for `predicted`. Both must be classes.
    [[nodiscard]] std::size_t operator()(std::size_t label, std::size_t predicted) const noexcept {
        return m_counts[label * m_classes + predicted];
    }

    /// How many images were counted.
    [[nodiscard]] std::size_t total() const noexcept {
        return std::accumulate(m_counts.begin(), m_counts.end(), std::size_t{0});
    }

    /// How many of them were taken for what they are.
    [[nodiscard]] std::size_t correct() const noexcept {
        std::size_t count = 0;
        for (std::size_t c = 0; c < m_classes; ++c) {
            count += (*this)(c, c);
        }
        return count;
    }

    /// Of the images of a class, the part that were taken for it; without images 0.
    [[nodiscard]] double recall(std::size_t label) const noexcept {
        std::size_t images = 0;
        for (std::size_t c = 0; c < m_classes; ++c) {
            images += (*this)(label, c);
        }
        return part((*this)(label, label), images);
    }

    /// Of the images that were taken for a class, the part that belong to it; without images 0.
    [[nodiscard]] double precision(std::size_t predicted) const noexcept {
        std::size_t images = 0;
        for (std::size_t c = 0; c < m_classes; ++c) {
            images += (*this)(c, predicted);
        }
        return part((*this)(predicted, predicted), images);
    }

private:
    static double part(std::size_t count, std::size_t of) noexcept {
        return of == 0 ? 0 : static_cast<double>(count) / static_cast<double>(of);
    }

    std::size_t m_classes;
    std::vector<std::size_t> m_counts; ///< a row each true class
};

} // namespace hookcam
