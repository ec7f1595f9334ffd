#pragma once

#include "../core/error.hpp"
#include "settings_text.hpp"

#include <cmath>
#include <cstdint>
#include <string>

namespace hookcam {

/// Multiplies the learning rate by `gamma` after every `step_size` steps, as `torch.optim.lr_scheduler.StepLR`.
struct step_lr {
    std::int64_t step_size; ///< at least 1
    double gamma = 0.1;     ///< the factor

    /// The rate after so many steps.
    [[nodiscard]] double learning_rate(double base, std::int64_t step) const {
        return base * std::pow(gamma, static_cast<double>(step / step_size));
    }

    /// As it is written in a program; a checkpoint keeps it.
    [[nodiscard]] std::string describe() const {
        return detail::settings_text(
            "step_lr", {{"step_size", static_cast<double>(step_size), 0}, {"gamma", gamma, step_lr{}.gamma}});
    }

    /// Throws `error_kind::use` where there is no such schedule.
    void check() const {
        if (step_size < 1)
            throw error{error_kind::use, "hookcam::step_lr: step_size must be at least 1; choose another"};
    }
};

} // namespace hookcam
