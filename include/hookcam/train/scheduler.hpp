#pragma once

#include "../core/error.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace hookcam {

/// A learning rate as a function of how many steps were made: `step_lr`, `one_cycle_lr` and the like, or your own. It
/// may have a function `momentum(base, step)` too; `check()`, which throws where its numbers make no sense; and
/// `describe()`, a text that says what it is, so that a training is not resumed with another.
template <class T>
concept schedule = requires(T const& of, double base, std::int64_t step) {
    { of.learning_rate(base, step) } -> std::convertible_to<double>;
};

namespace detail {

template <class T>
concept schedules_momentum = requires(T const& of, double base, std::int64_t step) {
    { of.momentum(base, step) } -> std::convertible_to<double>;
};

/// What a schedule of momentum changes: `momentum`, or the first of `betas`.
template <class Options>
[[nodiscard]] double& momentum_of(Options& options) {
    if constexpr (requires { options.betas; })
        return options.betas[0];
    else
        return options.momentum;
}

/// What a schedule says of itself.
template <class Schedule>
[[nodiscard]] std::string schedule_text(Schedule const& schedule) {
    if constexpr (requires { schedule.describe(); })
        return schedule.describe();
    else
        return "a schedule";
}

} // namespace detail

/// Sets the learning rates of an optimiser's groups by a schedule: each group's from the one that it had at first. As
/// PyTorch's schedulers it sets the first rates when it is made, and the next at each `step()`, after an epoch or
/// after a batch. It keeps a reference to the optimiser.
template <class Optimizer, schedule Schedule>
class scheduler {
public:
    /// Takes the rates that the optimiser has as those to start from.
    scheduler(Optimizer& optimizer, Schedule schedule)
        : m_optimizer{&optimizer},
          m_schedule{std::move(schedule)} {
        if constexpr (requires { m_schedule.check(); })
            m_schedule.check();
        for (auto& group : optimizer.groups()) {
            m_rates.push_back(group.options.learning_rate);
            if constexpr (detail::schedules_momentum<Schedule>)
                m_momenta.push_back(detail::momentum_of(group.options));
        }
        apply();
    }
    /// The optimiser must outlive it: give the temporary a name.
    scheduler(Optimizer const&&, Schedule) = delete;

    /// Goes on to the next rates.
    void step() {
        ++m_step;
        apply();
    }

    /// How many steps were made.
    [[nodiscard]] std::int64_t steps() const noexcept { return m_step; }

    /// For checkpoints.
    template <class Visit>
    void visit_state(Visit&& visit) {
        visit("", detail::schedule_text(m_schedule));
        visit("step", m_step);
        for (std::size_t i = 0; i < m_rates.size(); ++i)
            visit("groups." + std::to_string(i) + ".learning_rate", m_rates[i]);
        for (std::size_t i = 0; i < m_momenta.size(); ++i)
            visit("groups." + std::to_string(i) + ".momentum", m_momenta[i]);
    }

private:
    Optimizer* m_optimizer;
    Schedule m_schedule;
    std::int64_t m_step = 0;
    std::vector<double> m_rates;
    std::vector<double> m_momenta;

    void apply() {
        std::size_t i = 0;
        for (auto& group : m_optimizer->groups()) {
            group.options.learning_rate = m_schedule.learning_rate(m_rates[i], m_step);
            if constexpr (detail::schedules_momentum<Schedule>)
                detail::momentum_of(group.options) = m_schedule.momentum(m_momenta[i], m_step);
            ++i;
        }
    }
};

} // namespace hookcam
