#pragma once

#include "element_loss.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace hookcam {

/// How `binary_cross_entropy_with_logits` counts; the defaults are PyTorch's.
template <class T = float>
struct binary_cross_entropy_with_logits_options {
    std::vector<T> weight{};     ///< of each element of the last axis, or one for all; none: all weigh one
    std::vector<T> pos_weight{}; ///< how much more targets of 1 weigh, likewise
    hookcam::reduction reduction = reduction::mean; ///< of the elements' losses
};

inline namespace HOOKCAM_INSTRUCTION_SET {

/// The binary cross entropy of logits x and targets t from 0 to 1, as `torch.nn.BCEWithLogitsLoss`:
/// −w (p t log σ(x) + (1 − t) log(1 − σ(x))), where w are weights and p are `pos_weight`. The mean is that of all
/// elements. Value and gradient come in one call; no call after the first of its size allocates.
template <class T = float>
class binary_cross_entropy_with_logits {
public:
    /// The numbers it takes.
    using value_type = T;

    /// PyTorch's defaults, or others.
    explicit binary_cross_entropy_with_logits(binary_cross_entropy_with_logits_options<T> options = {})
        : m_weight{std::move(options.weight)},
          m_pos_weight{std::move(options.pos_weight)},
          m_loss{options.reduction} {}

    /// Both are expressions of one shape; throws `error_kind::shape` where they are not, or where there are weights
    /// for another number of elements than the last axis has.
    template <class Input, class Target>
    auto operator()(Input const& input, Target const& target) {
        std::size_t const last = static_cast<std::size_t>(input.shape()[input.dimension() - 1]);
        check("weight", m_weight, last);
        check("pos_weight", m_pos_weight, last);
        return m_loss.run("hookcam::binary_cross_entropy_with_logits: the target must have the input's shape",
                          input, target, [&](std::size_t index, T x, T t) {
                              T const weight = of(m_weight, index);
                              T const pos_weight = of(m_pos_weight, index);
                              // −log σ(x) = log(1 + e^−x), and −log(1 − σ(x)) = x − log σ(x).
                              T const softplus = std::log1p(std::exp(-std::abs(x))) + std::max(-x, T{0});
                              T const positive = T{1} / (T{1} + std::exp(-x));
                              T const negative = T{1} / (T{1} + std::exp(x));
                              return std::array{
                                  weight * ((T{1} - t) * x + (T{1} + (pos_weight - T{1}) * t) * softplus),
                                  weight * ((T{1} - t) * positive - pos_weight * t * negative)};
                          });
    }

private:
    std::vector<T> m_weight;
    std::vector<T> m_pos_weight;
    detail::element_loss<T> m_loss;

    static void check(std::string const& name, std::vector<T> const& weights, std::size_t last) {
        if (weights.size() > 1 && weights.size() != last)
            throw error{error_kind::shape, "hookcam::binary_cross_entropy_with_logits: " + name +
                                               " must have one number, or one for each of the last axis, " +
                                               std::to_string(last) + "; got " +
                                               std::to_string(weights.size())};
    }
    static T of(std::vector<T> const& weights, std::size_t index) {
        return weights.empty() ? T{1} : weights[index % weights.size()];
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET

} // namespace hookcam
