#pragma once

#include "class_loss.hpp"

#include <cstdint>
#include <vector>

namespace hookcam {

/// How `nll_loss` counts; the defaults are PyTorch's.
template <class T = float>
struct nll_loss_options {
    std::vector<T> weight{};                        ///< of each class; none: all weigh one
    std::int64_t ignore_index = -100;               ///< samples with this label count for nothing
    hookcam::reduction reduction = reduction::mean; ///< of the samples' losses
};

inline namespace HOOKCAM_INSTRUCTION_SET {

/// The negative log likelihood of labels, −w_y x_y, where x are logarithms of probabilities, such as
/// `log_softmax` makes: as `torch.nn.NLLLoss`. Otherwise as `cross_entropy`.
template <class T = float>
class nll_loss {
public:
    /// The numbers it takes.
    using value_type = T;

    /// PyTorch's defaults, or others.
    explicit nll_loss(nll_loss_options<T> options = {})
        : m_loss{"hookcam::nll_loss", std::move(options.weight), options.ignore_index, options.reduction, 0} {
    }

    /// `log_probabilities` is an expression N,C, or N,C,d1,d2,…; `labels` a range of integers, one for each of
    /// N,d1,d2,…, row-major. Throws as `cross_entropy` does.
    template <class LogProbabilities, class Labels>
    auto operator()(LogProbabilities const& log_probabilities, Labels const& labels) {
        return m_loss.template run<false>(log_probabilities, labels);
    }

private:
    detail::class_loss<T> m_loss;
};

} // namespace HOOKCAM_INSTRUCTION_SET

} // namespace hookcam
