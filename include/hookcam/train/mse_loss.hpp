#pragma once

#include "element_loss.hpp"

#include <array>
#include <cmath>
#include <cstddef>

namespace hookcam {

/// How `mse_loss` counts; the default is PyTorch's.
struct mse_loss_options {
    hookcam::reduction reduction = reduction::mean; ///< of the elements' losses
};

inline namespace HOOKCAM_INSTRUCTION_SET {

/// The mean squared error, (x − t)², as `torch.nn.MSELoss`; the mean is that of all elements. Value and gradient come in
/// one call; no call after the first of its size allocates.
template <class T = float>
class mse_loss {
public:
    /// The numbers it takes.
    using value_type = T;

    /// PyTorch's default, or another reduction.
    explicit mse_loss(mse_loss_options options = {}) : m_loss{options.reduction} {}

    /// Both are expressions of one shape, of any number of axes; throws `error_kind::shape` where they are not.
    template <class Input, class Target>
    auto operator()(Input const& input, Target const& target) {
        return m_loss.run("hookcam::mse_loss: the target must have the input's shape", input, target,
                          [](std::size_t, T x, T t) {
                              T const difference = x - t;
                              return std::array{difference * difference, 2 * difference};
                          });
    }

private:
    detail::element_loss<T> m_loss;
};

} // namespace HOOKCAM_INSTRUCTION_SET

} // namespace hookcam
