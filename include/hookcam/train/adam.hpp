#pragma once

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
        auto const power = static_cast<double>(step);
        double const correction = 1 - std::pow(with.betas[0], power);
        double const root_correction = std::sqrt(1 - std::pow(with.betas[1], power));
        vector const rate = broadcast(static_cast<T>(-with.learning_rate / correction));
        vector const scale = broadcast(static_cast<T>(1 / root_correction));
        vector const eps = broadcast(static_cast<T>(with.eps));
        vector const of_gradient = broadcast(static_cast<T>(1 - with.betas[0]));
        vector const kept_square = broadcast(static_cast<T>(with.betas[1]));
        vector const of_square = broadcast(static_cast<T>(1 - with.betas[1]));
        double const decay_by =
            DecaysWeights ? 1 - with.learning_rate * with.weight_decay : with.weight_decay;
        vector const decay = broadcast(static_cast<T>(decay_by));
        bool const decays = with.weight_decay != 0;

        auto const means = [&](vector g, vector * values) __attribute__((always_inline)) {
            if (decays) {
                if constexpr (DecaysWeights)
                    values[0] *= decay;
                else
                    g = multiply_add_all<T>(decay, values[0], g);
            }
            values[1] = multiply_add_all<T>(of_gradient, g - values[1], values[1]);
            values[2] = multiply_add_all<T>(kept_square, values[2], of_square * g * g);
        };
        auto const go = [&](vector * values, vector square) __attribute__((always_inline)) {
            vector const root = multiply_add_all<T>(square_root_all<T>(square), scale, eps);
            values[0] = multiply_add_all<T>(rate, values[1] / root, values[0]);
        };
        if (with.amsgrad)
            for_each_vector<T, 4>(
                size, gradients, {parameters, remembered[0], remembered[1], remembered[2]},
                [&](vector g, vector * values) __attribute__((always_inline)) {
                    means(g, values);
                    values[3] = values[2] <= values[3] ? values[3] : values[2]; // NaN stays
                    go(values, values[3]);
                });
        else
            for_each_vector<T, 3>(
                size, gradients, {parameters, remembered[0], remembered[1]},
                [&](vector g, vector * values) __attribute__((always_inline)) {
                    means(g, values);
                    go(values, values[2]);
                });
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
