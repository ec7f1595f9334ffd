#pragma once

#include "../core/error.hpp"
#include "settings_text.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

namespace hookcam {

/// Warms up: takes the learning rate from `start_factor` to `end_factor` of itself in `total_iters` equal steps, where
/// it stays, as `torch.optim.lr_scheduler.LinearLR`. See `sequential_lr` for what comes then.
struct linear_lr {
    double start_factor = 1.0 / 3; ///< more than 0, and at most 1
    double end_factor = 1;         ///< 0 to 1
    std::int64_t total_iters = 5;  ///< at least 1

    /// The rate after so many steps.
    [[nodiscard]] double learning_rate(double base, std::int64_t step) const {
        double const share =
            static_cast<double>(std::min(step, total_iters)) / static_cast<double>(total_iters);
        return base * (start_factor + (end_factor - start_factor) * share);
    }

    /// As it is written in a program; a checkpoint keeps it.
    [[nodiscard]] std::string describe() const {
        linear_lr const usual;
        return detail::settings_text("linear_lr", {{"start_factor", start_factor, usual.start_factor},
                                                   {"end_factor", end_factor, usual.end_factor},
                                                   {"total_iters", static_cast<double>(total_iters),
                                                    static_cast<double>(usual.total_iters)}});
    }

    /// Throws `error_kind::use` where there is no such schedule.
    void check() const {
        if (!(start_factor > 0 && start_factor <= 1))
            throw error{
                error_kind::use,
                "hookcam::linear_lr: start_factor must be more than 0, and at most 1; choose another"};
        if (!(end_factor >= 0 && end_factor <= 1))
            throw error{error_kind::use,
                        "hookcam::linear_lr: end_factor must be from 0 to 1; choose another"};
        if (total_iters < 1)
            throw error{error_kind::use,
                        "hookcam::linear_lr: total_iters must be at least 1; choose another"};
    }
};

} // namespace hookcam
