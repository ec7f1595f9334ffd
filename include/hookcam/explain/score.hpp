#pragma once

#include "../tensor/shape_check.hpp"
#include "../tensor/view.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

namespace hookcam {

// A score is what an explanation explains: a differentiable number of one image's output. It has two members:
// `target(output)`, the target where none is given, and `gradient(output, target, gradient)`, which writes
// the gradient of the score with respect to the output. Both see views of one image, without the batch.

namespace detail {

/// Shows in its argument the number of axes of the output, without the batch.
template <std::size_t Rank>
struct output_must_be_a_vector {
    static_assert(Rank == 1, "hookcam::grad_cam: the score of a class needs an output that is one vector for "
                             "each image; pool and flatten it, or give a score such as mask_score");
    static constexpr bool value = true;
};

template <class Output>
[[nodiscard]] std::size_t largest(Output const& output) {
    static_assert(output_must_be_a_vector<rank_of<Output>>::value);
    return static_cast<std::size_t>(std::max_element(output.data(), output.data() + output.size()) -
                                    output.data());
}

} // namespace detail

/// The logit of the target: the default.
struct logit_score {
    /// The class with the largest logit.
    [[nodiscard]] std::size_t target(auto const& output) const { return detail::largest(output); }

    /// The gradient of the score with respect to one image's output.
    void gradient(auto const& output, std::size_t target, auto& gradient) const {
        for (std::size_t i = 0; i < output.size(); ++i)
            gradient.data()[i] = i == target ? 1 : 0;
    }
};

/// The probability of the target, by the softmax of the logits. It saturates: where the network is sure, its
/// gradient is tiny, and the map is another than the logit's.
struct probability_score {
    /// The class with the largest logit.
    [[nodiscard]] std::size_t target(auto const& output) const { return detail::largest(output); }

    /// The gradient of the score with respect to one image's output.
    void gradient(auto const& output, std::size_t target, auto& gradient) const {
        using T = typename std::remove_cvref_t<decltype(gradient)>::value_type;
        auto const* const x = output.data();
        auto* const g = gradient.data();
        T const high = *std::max_element(x, x + output.size());
        T sum = 0;
        for (std::size_t i = 0; i < output.size(); ++i)
            sum += g[i] = std::exp(x[i] - high);
        T const p = g[target] / sum;
        for (std::size_t i = 0; i < output.size(); ++i)
            g[i] = p * ((i == target ? 1 : 0) - g[i] / sum);
    }
};

/// The logit of the target minus the largest other: what speaks for the target against its rival.
struct margin_score {
    /// The class with the largest logit.
    [[nodiscard]] std::size_t target(auto const& output) const { return detail::largest(output); }

    /// The gradient of the score with respect to one image's output.
    void gradient(auto const& output, std::size_t target, auto& gradient) const {
        auto const* const x = output.data();
        std::size_t rival = target == 0 ? 1 : 0;
        for (std::size_t i = 0; i < output.size(); ++i)
            if (i != target && x[i] > x[rival])
                rival = i;
        for (std::size_t i = 0; i < output.size(); ++i)
            gradient.data()[i] = static_cast<typename std::remove_cvref_t<decltype(gradient)>::value_type>(
                (i == target ? 1 : 0) - (i == rival && rival != target ? 1 : 0));
    }
};

/// For segmentation: the sum of the target's channel over the pixels where a mask (H×W, any xtensor) is not
/// zero. Without a target it takes the channel whose sum is largest.
template <class Mask>
struct mask_score {
    Mask mask; ///< H×W of the output

    /// The channel whose sum under the mask is largest.
    [[nodiscard]] std::size_t target(auto const& output) const {
        std::size_t best = 0;
        auto const channels = output.shape()[0];
        for (std::size_t c = 1; c < channels; ++c)
            if (sum(output, c) > sum(output, best))
                best = c;
        return best;
    }

    /// The gradient of the score with respect to one image's output.
    void gradient(auto const& output, std::size_t target, auto& gradient) const {
        for (std::size_t c = 0; c < output.shape()[0]; ++c)
            for (std::size_t i = 0; i < output.shape()[1]; ++i)
                for (std::size_t j = 0; j < output.shape()[2]; ++j)
                    gradient(c, i, j) = c == target && mask(i, j) != 0;
    }

private:
    [[nodiscard]] double sum(auto const& output, std::size_t channel) const {
        double total = 0;
        for (std::size_t i = 0; i < output.shape()[1]; ++i)
            for (std::size_t j = 0; j < output.shape()[2]; ++j)
                if (mask(i, j) != 0)
                    total += static_cast<double>(output(channel, i, j));
        return total;
    }
};
/// `mask_score{mask}` holds a copy of the mask.
template <class Mask>
mask_score(Mask) -> mask_score<Mask>;

} // namespace hookcam
