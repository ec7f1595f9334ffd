#pragma once

#include "../core/error.hpp"
#include "settings_text.hpp"

#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>

namespace hookcam {

/// One cycle (Smith and Topin, https://arxiv.org/abs/1708.07120), as `torch.optim.lr_scheduler.OneCycleLR` with its
/// defaults: from `max_learning_rate / div_factor` up to `max_learning_rate` and down to `final_div_factor` times less
/// than at first, while momentum (Adam's first beta) goes the other way. Every group has the same rate, whatever it had.
/// Step it after each batch.
struct one_cycle_lr {
    double max_learning_rate;      ///< the highest rate
    std::int64_t total_steps;      ///< of the whole cycle: epochs times batches
    double pct_start = 0.3;        ///< the share of the cycle in which the rate rises, 0 to 1
    bool is_linear = false;        ///< straight lines instead of cosines
    bool cycle_momentum = true;    ///< changes momentum too
    double base_momentum = 0.85;   ///< the lowest momentum
    double max_momentum = 0.95;    ///< the highest momentum
    double div_factor = 25;        ///< how much lower than the highest the first rate is
    double final_div_factor = 1e4; ///< how much lower than the first the last rate is
    bool three_phase = false;      ///< down to the first rate as steeply as up, and then to the last

    /// The rate after so many steps, at most `total_steps`.
    [[nodiscard]] double learning_rate(double, std::int64_t step) const {
        double const first = max_learning_rate / div_factor;
        double const last = first / final_div_factor;
        return between(step, first, max_learning_rate, first, last);
    }

    /// The momentum after so many steps.
    [[nodiscard]] double momentum(double base, std::int64_t step) const {
        return cycle_momentum ? between(step, max_momentum, base_momentum, max_momentum, max_momentum) : base;
    }

    /// As it is written in a program; a checkpoint keeps it.
    [[nodiscard]] std::string describe() const {
        one_cycle_lr const usual{};
        auto const number = [](auto value) { return static_cast<double>(value); };
        return detail::settings_text("one_cycle_lr",
                                     {{"max_learning_rate", max_learning_rate, 0},
                                      {"total_steps", number(total_steps), 0},
                                      {"pct_start", pct_start, usual.pct_start},
                                      {"is_linear", number(is_linear), 0},
                                      {"cycle_momentum", number(cycle_momentum), 1},
                                      {"base_momentum", base_momentum, usual.base_momentum},
                                      {"max_momentum", max_momentum, usual.max_momentum},
                                      {"div_factor", div_factor, usual.div_factor},
                                      {"final_div_factor", final_div_factor, usual.final_div_factor},
                                      {"three_phase", number(three_phase), 0}});
    }

    /// Throws `error_kind::use` where there is no such schedule.
    void check() const {
        if (total_steps < 1)
            throw error{error_kind::use,
                        "hookcam::one_cycle_lr: total_steps must be at least 1; choose another"};
        if (!(pct_start >= 0 && pct_start <= 1))
            throw error{error_kind::use,
                        "hookcam::one_cycle_lr: pct_start must be from 0 to 1; choose another"};
        if (!(div_factor > 0 && final_div_factor > 0))
            throw error{error_kind::use,
                        "hookcam::one_cycle_lr: the divisors must be positive; choose others"};
    }

private:
    /// From `first` to `most`; then to `last`, or in three phases to `back` and to `last`.
    [[nodiscard]] double between(std::int64_t step, double first, double most, double back,
                                 double last) const {
        if (step > total_steps)
            throw error{error_kind::use,
                        "hookcam::one_cycle_lr: there must be no more steps than total_steps, " +
                            std::to_string(total_steps) + "; make it longer"};
        auto const at = static_cast<double>(step);
        auto const total = static_cast<double>(total_steps);
        double const top = pct_start * total - 1;
        double const end = total - 1;
        if (at <= top)
            return along(first, most, at / top);
        if (!three_phase)
            return along(most, last, (at - top) / (end - top));
        double const down = 2 * pct_start * total - 2;
        if (at <= down)
            return along(most, back, (at - top) / (down - top));
        return along(back, last, (at - down) / (end - down));
    }

    [[nodiscard]] double along(double from, double to, double share) const {
        if (!std::isfinite(share)) // a phase without length
            share = 0;
        return is_linear ? (to - from) * share + from
                         : to + (from - to) / 2 * (1 + std::cos(std::numbers::pi * share));
    }
};

} // namespace hookcam
