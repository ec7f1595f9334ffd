#pragma once

#include "../core/error.hpp"
#include "scheduler.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace hookcam {

/// One schedule after another, each beginning anew, as `torch.optim.lr_scheduler.SequentialLR`:
/// `sequential_lr{{5}, linear_lr{}, cosine_annealing_lr{.t_max = 95}}` warms up for five steps.
template <schedule... Schedules>
class sequential_lr {
    static_assert(sizeof...(Schedules) > 0,
                  "hookcam::sequential_lr: there must be a schedule; give at least one");

public:
    /// The milestones are the steps at which the second, the third … schedule begins.
    explicit sequential_lr(std::array<std::int64_t, sizeof...(Schedules) - 1> milestones,
                           Schedules... schedules)
        : m_milestones{milestones},
          m_schedules{std::move(schedules)...} {}

    /// The rate after so many steps.
    [[nodiscard]] double learning_rate(double base, std::int64_t step) const {
        return at(step, [base](auto const& of, std::int64_t since) { return of.learning_rate(base, since); });
    }

    /// The momentum after so many steps, where one of the schedules has one.
    template <std::same_as<double> Momentum>
        requires(detail::schedules_momentum<Schedules> || ...)
    [[nodiscard]] Momentum momentum(Momentum base, std::int64_t step) const {
        return at(step, [base](auto const& schedule_now, [[maybe_unused]] std::int64_t since) {
            if constexpr (detail::schedules_momentum<std::remove_cvref_t<decltype(schedule_now)>>)
                return schedule_now.momentum(base, since);
            else
                return base;
        });
    }

    /// As it is written in a program; a checkpoint keeps it.
    [[nodiscard]] std::string describe() const {
        std::string text{"sequential_lr{{"};
        for (auto const milestone : m_milestones) {
            text += text.back() == '{' ? "" : ", ";
            text += std::to_string(milestone);
        }
        text += '}';
        std::apply(
            [&text](auto const&... each) { ((text += ", ", text += detail::schedule_text(each)), ...); },
            m_schedules);
        return text += '}';
    }

    /// Throws `error_kind::use` where there is no such schedule.
    void check() const {
        std::int64_t before = 0;
        for (auto const milestone : m_milestones) {
            if (milestone <= before)
                throw error{
                    error_kind::use,
                    "hookcam::sequential_lr: milestones must be positive and rise; put them in order"};
            before = milestone;
        }
        std::apply(
            [](auto const&... each) {
                auto const check_one = [](auto const& one) {
                    if constexpr (requires { one.check(); })
                        one.check();
                };
                (check_one(each), ...);
            },
            m_schedules);
    }

private:
    std::array<std::int64_t, sizeof...(Schedules) - 1> m_milestones;
    std::tuple<Schedules...> m_schedules;

    template <std::size_t I = 0, class Function>
    [[nodiscard]] double at(std::int64_t step, Function const& function) const {
        if constexpr (I + 1 < sizeof...(Schedules))
            if (step >= m_milestones[I])
                return at<I + 1>(step, function);
        std::int64_t since = step;
        if constexpr (I > 0)
            since -= m_milestones[I - 1];
        return function(std::get<I>(m_schedules), since);
    }
};

} // namespace hookcam
