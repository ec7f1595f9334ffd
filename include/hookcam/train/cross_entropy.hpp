#pragma once

#include "class_loss.hpp"

#include <cstdint>
#include <vector>

namespace hookcam {

/// How `cross_entropy` counts; the defaults are PyTorch's.
template <class T = float>
struct cross_entropy_options {
    std::vector<T> weight{};                        ///< of each class; none: all weigh one
    std::int64_t ignore_index = -100;               ///< samples with this label count for nothing
    hookcam::reduction reduction = reduction::mean; ///< of the samples' losses
    double label_smoothing = 0; ///< the share of the target that all classes have alike, 0 to 1
};

inline namespace HOOKCAM_INSTRUCTION_SET {

/// The cross entropy of logits and labels, as `torch.nn.CrossEntropyLoss`: −w_y log softmax(x)_y, by default
/// the mean, weighted where classes have weights. Where every label is ignored the mean is NaN, as in PyTorch, and
/// the gradient zero. Value and gradient come in one call; no call after the first of its size allocates.
template <class T = float>
class cross_entropy {
public:
    /// The numbers it takes.
    using value_type = T;

    /// PyTorch's defaults, or others: `cross_entropy<float>{{.label_smoothing = 0.1}}`.
    explicit cross_entropy(cross_entropy_options<T> options = {})
        : m_loss{"hookcam::cross_entropy", std::move(options.weight), options.ignore_index, options.reduction,
                 options.label_smoothing} {}

    /// `logits` is an expression N,C, or N,C,d1,d2,…; `labels` a range of integers, one for each of N,d1,d2,…,
    /// row-major. Throws `error_kind::shape` where their number is another, `error_kind::use` where one is no class.
    template <class Logits, class Labels>
    auto operator()(Logits const& logits, Labels const& labels) {
        return m_loss.template run<true>(logits, labels);
    }

private:
    detail::class_loss<T> m_loss;
};

} // namespace HOOKCAM_INSTRUCTION_SET

} // namespace hookcam
