#pragma once

#include "adam.hpp"

#include <array>
#include <utility>
#include <vector>

namespace hookcam {

/// How `adamw` steps; the defaults are PyTorch's.
struct adamw_options {
    double learning_rate = 1e-3; ///< how far a step goes, about
    std::array<double, 2> betas{0.9,
                                0.999}; ///< how much of the means of gradients and of their squares is kept
    double eps = 1e-8;                  ///< added to the root of the mean square
    double weight_decay = 1e-2; ///< times the learning rate: the share that a parameter loses at a step
    bool amsgrad = false;       ///< divides by the largest mean square so far
};

inline namespace HOOKCAM_INSTRUCTION_SET {

/// The rule of `adamw`: what it remembers, and how a step goes.
struct adamw_rule : detail::adam_rule_of<adamw_options, true> {};

/// Adam with decoupled weight decay (Loshchilov and Hutter, https://arxiv.org/abs/1711.05101), as
/// `torch.optim.AdamW`: of all parameters by `options`, except those in `groups`. Throws `error_kind::use` where an
/// option makes no sense or a group is empty.
template <class Training>
[[nodiscard]] auto adamw(Training&& training, adamw_options const& options = {},
                         std::vector<parameter_group<adamw_options>> groups = {}) {
    return detail::make_optimizer<adamw_rule>(std::forward<Training>(training), options, std::move(groups));
}

} // namespace HOOKCAM_INSTRUCTION_SET

} // namespace hookcam
