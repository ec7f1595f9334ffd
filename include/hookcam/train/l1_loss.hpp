#pragma once

#include "element_loss.hpp"

#include <array>
#include <cmath>
#include <cstddef>

namespace hookcam {

/// How `l1_loss` counts; the default is PyTorch's.
struct l1_loss_options {
    hookcam::reduction reduction = reduction::mean; ///< of the elements' losses
};

inline namespace HOOKCAM_INSTRUCTION_SET {

/// The mean absolute error, |x − t|, as `torch.nn.L1Loss`; the mean is that of all elements, and the derivative where
/// x = t is zero. Value and gradient come in one call; no call after the first of its size allocates.
template <class T = float>
class l1_loss {
public:
    /// The numbers it takes.
    using value_type = T;

    /// PyTorch's default, or another reduction.
    explicit l1_loss(l1_loss_options options = {}) : m_loss{options.reduction} {}

    /// Both are expressions of one shape, of any number of axes; throws `error_kind::shape` where they are not.
    template <class Input, class Target>
    auto operator()(Input const& input, Target const& target) {
        return m_loss.run(
            "hookcam::l1_loss: the target must have the input's shape", input, target,
            [](std::size_t, T x, T t) {
                T const difference = x - t;
                T const sign = difference == 0 ? difference : std::copysign(T{1}, difference);
                return std::array{std::abs(difference), std::isnan(difference) ? difference : sign};
            });
    }

private:
    detail::element_loss<T> m_loss;
};

} // namespace HOOKCAM_INSTRUCTION_SET

} // namespace hookcam
