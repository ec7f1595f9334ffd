#pragma once

#include "../cuda/training/adam_step.hpp"
#include "../tensor/device.hpp"
#include "for_each_vector.hpp"
#include "optimizer.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hookcam {

/// How `adam` steps; the defaults are PyTorch's.
struct adam_options {
    double learning_rate = 1e-3; ///< how far a step goes, about
    std::array<double, 2> betas{0.9,
                                0.999}; ///< how much of the means of gradients and of their squares is kept
    double eps = 1e-8;                  ///< added to the root of the mean square
    double weight_decay = 0;            ///< times the parameter is added to its gradient
    bool amsgrad = false;               ///< divides by the largest mean square so far
};

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// What Adam and AdamW have in common: they differ in what weight decay is.
template <class Options, bool DecaysWeights>
struct adam_rule_of {
    using options = Options;
    static constexpr std::array<std::string_view, 3> slots{"exp_avg", "exp_avg_sq", "max_exp_avg_sq"};

    [[nodiscard]] static bool uses(options const& with, std::size_t slot) noexcept {
        return slot < 2 || with.amsgrad;
    }

    static void check(options const& with) {
        check_option(with.learning_rate >= 0, "hookcam::adam: learning_rate must not be negative",
                     with.learning_rate);
        for (double const beta : with.betas)
            check_option(beta >= 0 && beta < 1, "hookcam::adam: betas must be from 0 to less than 1", beta);
        check_option(with.eps >= 0, "hookcam::adam: eps must not be negative", with.eps);
        check_option(with.weight_decay >= 0, "hookcam::adam: weight_decay must not be negative",
                     with.weight_decay);
    }

    [[nodiscard]] static std::string describe(options const& with) {
        std::string text{DecaysWeights ? "adamw" : "adam"};
        return with.amsgrad ? text += " with amsgrad" : text;
    }

    template <class Visit>
    static void visit(options& with, Visit&& show) {
        show("learning_rate", with.learning_rate);
        show("beta1", with.betas[0]);
        show("beta2", with.betas[1]);
        show("eps", with.eps);
        show("weight_decay", with.weight_decay);
    }

    template <class T>
    static void update(options const& with, std::int64_t step, std::size_t size, T const* gradients,
                       T* parameters, std::array<T*, 3> const& remembered) {
        using vector = detail::vector<T>;
        auto const one = numbers<T>(with, step);
        kernels::adam_numbers<vector> const all{broadcast(one.rate),        broadcast(one.scale),
                                                broadcast(one.eps),         broadcast(one.of_gradient),
                                                broadcast(one.kept_square), broadcast(one.of_square),
                                                broadcast(one.decay)};
        bool const decays = with.weight_decay != 0;
        auto const go = [&](vector g, vector * values, vector * largest) __attribute__((always_inline)) {
            kernels::adam_step<DecaysWeights, vector_arithmetic<T>>(all, decays, g, values[0], values[1],
                                                                    values[2], largest);
        };
        if (with.amsgrad)
            for_each_vector<T, 4>(
                size, gradients, {parameters, remembered[0], remembered[1], remembered[2]},
                [&](vector g, vector * values) __attribute__((always_inline)) { go(g, values, values + 3); });
        else
            for_each_vector<T, 3>(
                size, gradients, {parameters, remembered[0], remembered[1]},
                [&](vector g, vector * values) __attribute__((always_inline)) { go(g, values, nullptr); });
    }

    template <a_gpu Device>
    static void update(Device const& on, options const& with, std::int64_t step, std::size_t size,
                       float const* gradients, float* parameters, std::array<float*, 3> const& remembered) {
        kernels::for_each_element(
            on, size,
            kernels::adam_element<DecaysWeights>{numbers<float>(with, step), with.weight_decay != 0,
                                                 gradients, parameters, remembered[0], remembered[1],
                                                 with.amsgrad ? remembered[2] : nullptr});
    }

private:
    template <class T>
    [[nodiscard]] static kernels::adam_numbers<T> numbers(options const& with, std::int64_t step) {
        auto const power = static_cast<double>(step);
        double const correction = 1 - std::pow(with.betas[0], power);
        double const root_correction = std::sqrt(1 - std::pow(with.betas[1], power));
        double const decay = DecaysWeights ? 1 - with.learning_rate * with.weight_decay : with.weight_decay;
        return {static_cast<T>(-with.learning_rate / correction),
                static_cast<T>(1 / root_correction),
                static_cast<T>(with.eps),
                static_cast<T>(1 - with.betas[0]),
                static_cast<T>(with.betas[1]),
                static_cast<T>(1 - with.betas[1]),
                static_cast<T>(decay)};
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

inline namespace HOOKCAM_INSTRUCTION_SET {

/// The rule of `adam`: what it remembers, and how a step goes.
struct adam_rule : detail::adam_rule_of<adam_options, false> {};

/// Adam (Kingma and Ba, https://arxiv.org/abs/1412.6980), as `torch.optim.Adam`: of all parameters by `options`,
/// except those in `groups`. Throws `error_kind::use` where an option makes no sense or a group is empty.
template <class Training>
[[nodiscard]] auto adam(Training&& training, adam_options const& options = {},
                        std::vector<parameter_group<adam_options>> groups = {}) {
    return detail::make_optimizer<adam_rule>(std::forward<Training>(training), options, std::move(groups));
}

} // namespace HOOKCAM_INSTRUCTION_SET

} // namespace hookcam
