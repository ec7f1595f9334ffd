#pragma once

#include "../core/error.hpp"
#include "settings_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace hookcam {

/// Multiplies the learning rate by `gamma` after each of the milestones, which are counts of steps, as
/// `torch.optim.lr_scheduler.MultiStepLR`.
struct multi_step_lr {
    std::vector<std::int64_t> milestones; ///< in any order
    double gamma = 0.1;                   ///< the factor

    /// The rate after so many steps.
    [[nodiscard]] double learning_rate(double base, std::int64_t step) const {
        auto const passed = std::count_if(milestones.begin(), milestones.end(),
                                          [step](std::int64_t milestone) { return milestone <= step; });
        return base * std::pow(gamma, static_cast<double>(passed));
    }

    /// As it is written in a program; a checkpoint keeps it.
    [[nodiscard]] std::string describe() const {
        std::string text{"multi_step_lr{{"};
        for (auto const milestone : milestones) {
            text += text.back() == '{' ? "" : ", ";
            text += std::to_string(milestone);
        }
        text += "}, .gamma = ";
        text += detail::number_text(gamma);
        return text += '}';
    }

    /// Throws `error_kind::use` where there is no such schedule.
    void check() const {
        for (auto const milestone : milestones)
            if (milestone < 1)
                throw error{error_kind::use,
                            "hookcam::multi_step_lr: milestones must be at least 1; choose others"};
    }
};

} // namespace hookcam
