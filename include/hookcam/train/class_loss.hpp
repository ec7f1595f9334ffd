#pragma once

#include "../core/error.hpp"
#include "../core/instruction_set.hpp"
#include "../tensor/device_view.hpp"
#include "../tensor/shape_check.hpp"
#include "../tensor/view.hpp"
#include "loss_result.hpp"
#include "reduction.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace hookcam::detail {

/// What a range of labels holds.
template <class Labels>
using label_of = std::remove_cvref_t<decltype(*std::declval<Labels const&>().begin())>;

/// Labels as they come, of any integral type, without a wrap: none is larger than this.
template <class Label>
[[nodiscard]] std::int64_t label_value(Label label) noexcept {
    return std::in_range<std::int64_t>(label) ? static_cast<std::int64_t>(label)
                                              : std::numeric_limits<std::int64_t>::max();
}

inline namespace HOOKCAM_INSTRUCTION_SET {

/// The losses over classes: of logits (cross entropy) or of their logarithms of probabilities (negative log
/// likelihood). Scores are N,C or N,C,d1,d2,…; there is a label for each of N,d1,d2,….
template <class T>
class class_loss {
public:
    class_loss(std::string entity, std::vector<T> weight, std::int64_t ignore_index, reduction how,
               double label_smoothing)
        : m_entity{std::move(entity)},
          m_weight{std::move(weight)},
          m_ignore_index{ignore_index},
          m_reduction{how},
          m_smoothing{label_smoothing} {
        if (!(m_smoothing >= 0 && m_smoothing <= 1))
            throw error{error_kind::use, m_entity + ": label_smoothing must be from 0 to 1; got " +
                                             std::to_string(m_smoothing)};
    }

    template <bool IsLogits, class Scores, class Labels>
    auto run(Scores const& scores, Labels const& labels) {
        static_assert(an_expression<Scores> || is_device_view<Scores>,
                      "hookcam::cross_entropy: the scores must be an xtensor expression; give it N,C");
        static_assert(std::is_same_v<std::remove_cv_t<typename Scores::value_type>, T>,
                      "hookcam::cross_entropy: the scores must hold the loss's scalar; convert one of them");
        static_assert(std::is_integral_v<label_of<Labels>>,
                      "hookcam::cross_entropy: labels must be integers; give it a range of them");
        constexpr std::size_t rank = axes_of<Scores>();
        static_assert(rank >= 2 && rank != dynamic,
                      "hookcam::cross_entropy: the scores must have two axes N,C or more, known by type");
        std::array<std::size_t, rank> shape{};
        std::array<std::size_t, rank - 1> values_shape{};
        std::size_t inner = 1;
        for (std::size_t axis = 0; axis < rank; ++axis) {
            shape[axis] = static_cast<std::size_t>(scores.shape()[axis]);
            if (axis != 1)
                values_shape[axis == 0 ? 0 : axis - 1] = shape[axis];
            if (axis > 1)
                inner *= shape[axis];
        }
        double const total_weight = check(labels, shape[0] * inner, shape[1]);

        T* const gradient = m_gradient.of_size(shape[0] * shape[1] * inner);
        T* const values = m_values.of_size(shape[0] * inner);
        fetch(view_of<rank>(gradient, shape), scores);
        bool const is_mean = m_reduction == reduction::mean;
        double const scale = is_mean && total_weight != 0 ? 1 / total_weight : 1;
        double sum = 0;
        auto label = labels.begin();
        for (std::size_t n = 0; n < shape[0]; ++n)
            for (std::size_t i = 0; i < inner; ++i, ++label) {
                auto* const column = gradient + n * shape[1] * inner + i;
                T& value = values[n * inner + i];
                value = one<IsLogits>(column, inner, shape[1], label_value(*label), scale);
                sum += static_cast<double>(value);
            }
        return loss_result<T, rank, rank - 1>{static_cast<T>(is_mean ? sum / total_weight : sum),
                                              view_of<rank>(static_cast<T const*>(gradient), shape),
                                              view_of<rank - 1>(static_cast<T const*>(values), values_shape)};
    }

private:
    std::string m_entity;
    std::vector<T> m_weight;
    std::int64_t m_ignore_index;
    reduction m_reduction;
    double m_smoothing;
    growing<T> m_gradient;
    growing<T> m_values;

    [[nodiscard]] double weight_of(std::size_t of_class) const {
        return m_weight.empty() ? 1.0 : static_cast<double>(m_weight[of_class]);
    }

    /// Throws where a label is none; returns the sum of their weights.
    template <class Labels>
    double check(Labels const& labels, std::size_t count, std::size_t classes) const {
        if (labels.size() != count)
            throw error{error_kind::shape, m_entity + ": there must be a label for each sample, " +
                                               std::to_string(count) + "; got " +
                                               std::to_string(labels.size())};
        if (!m_weight.empty() && m_weight.size() != classes)
            throw error{error_kind::shape, m_entity + ": there must be a weight for each class, " +
                                               std::to_string(classes) + "; got " +
                                               std::to_string(m_weight.size())};
        double total = 0;
        std::size_t at = 0;
        for (auto const label : labels) {
            if (auto const value = label_value(label); value != m_ignore_index) {
                if (value < 0 || std::cmp_greater_equal(value, classes))
                    throw error{error_kind::use, m_entity + ": labels must be from 0 to " +
                                                     std::to_string(classes - 1) + ", or the ignored " +
                                                     std::to_string(m_ignore_index) + "; label " +
                                                     std::to_string(at) + " is " + std::to_string(label)};
                total += weight_of(static_cast<std::size_t>(value));
            }
            ++at;
        }
        return total;
    }

    /// The loss of one sample, whose scores its gradient replaces.
    template <bool IsLogits>
    T one(T* column, std::size_t stride, std::size_t classes, std::int64_t label, double scale) const {
        if (label == m_ignore_index) {
            for (std::size_t c = 0; c < classes; ++c)
                column[c * stride] = 0;
            return 0;
        }
        T largest = 0;
        T log_sum = 0;
        if constexpr (IsLogits) {
            largest = column[0];
            for (std::size_t c = 1; c < classes; ++c)
                largest = std::max(largest, column[c * stride]);
            double sum = 0;
            for (std::size_t c = 0; c < classes; ++c)
                sum += static_cast<double>(std::exp(column[c * stride] - largest));
            log_sum = static_cast<T>(std::log(sum));
        }
        auto const of_label = static_cast<std::size_t>(label);
        double const of_one = (1 - m_smoothing) * weight_of(of_label);
        double const of_each = m_smoothing / static_cast<double>(classes);
        double all_weights = of_one;
        double loss = 0;
        if (m_smoothing != 0)
            for (std::size_t c = 0; c < classes; ++c)
                all_weights += of_each * weight_of(c);
        for (std::size_t c = 0; c < classes; ++c) {
            T& score = column[c * stride];
            T const log_probability = score - largest - log_sum;
            double weight = c == of_label ? of_one : 0;
            if (m_smoothing != 0)
                weight += of_each * weight_of(c);
            if (c == of_label || m_smoothing != 0)
                loss -= weight * static_cast<double>(log_probability);
            double gradient = -weight;
            if constexpr (IsLogits)
                gradient += all_weights * static_cast<double>(std::exp(log_probability));
            score = static_cast<T>(scale * gradient);
        }
        return static_cast<T>(loss);
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
