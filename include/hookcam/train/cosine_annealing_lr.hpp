#pragma once

#include "../core/error.hpp"
#include "settings_text.hpp"

#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>

namespace hookcam {

/// Takes the learning rate down to `eta_min` along half a cosine (Loshchilov and Hutter,
/// https://arxiv.org/abs/1608.03983), as `torch.optim.lr_scheduler.CosineAnnealingLR`: after `t_max` steps it is there,
/// and after as many more it is back.
struct cosine_annealing_lr {
    std::int64_t t_max; ///< at least 1
    double eta_min = 0; ///< the lowest rate

    /// The rate after so many steps.
    [[nodiscard]] double learning_rate(double base, std::int64_t step) const {
        double const angle = std::numbers::pi * static_cast<double>(step) / static_cast<double>(t_max);
        return eta_min + (base - eta_min) * (1 + std::cos(angle)) / 2;
    }

    /// As it is written in a program; a checkpoint keeps it.
    [[nodiscard]] std::string describe() const {
        return detail::settings_text("cosine_annealing_lr",
                                     {{"t_max", static_cast<double>(t_max), 0}, {"eta_min", eta_min, 0}});
    }

    /// Throws `error_kind::use` where there is no such schedule.
    void check() const {
        if (t_max < 1)
            throw error{error_kind::use,
                        "hookcam::cosine_annealing_lr: t_max must be at least 1; choose another"};
    }
};

} // namespace hookcam
