#pragma once

#include "../cuda/training/rmsprop_step.hpp"
#include "../tensor/device.hpp"
#include "for_each_vector.hpp"
#include "optimizer.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hookcam {

/// How `rmsprop` steps; the defaults are PyTorch's.
struct rmsprop_options {
    double learning_rate = 1e-2; ///< how far a step goes, about
    double alpha = 0.99;         ///< how much of the mean square is kept
    double eps = 1e-8;           ///< added to its root
    double weight_decay = 0;     ///< times the parameter is added to its gradient
    double momentum = 0;         ///< the share of the last step that the next one keeps
    bool centered = false;       ///< divides by the deviation instead of the mean square's root
};

inline namespace HOOKCAM_INSTRUCTION_SET {

/// The rule of `rmsprop`.
struct rmsprop_rule {
    /// What can be chosen.
    using options = rmsprop_options;
    /// What it remembers of each parameter.
    static constexpr std::array<std::string_view, 3> slots{"square_avg", "momentum_buffer", "grad_avg"};

    /// Whether it remembers that.
    [[nodiscard]] static bool uses(options const& with, std::size_t slot) noexcept {
        return slot == 0 || (slot == 1 ? with.momentum != 0 : with.centered);
    }

    /// Throws `error_kind::use` where an option makes no sense.
    static void check(options const& with) {
        detail::check_option(with.learning_rate >= 0, "hookcam::rmsprop: learning_rate must not be negative",
                             with.learning_rate);
        detail::check_option(with.alpha >= 0, "hookcam::rmsprop: alpha must not be negative", with.alpha);
        detail::check_option(with.eps >= 0, "hookcam::rmsprop: eps must not be negative", with.eps);
        detail::check_option(with.weight_decay >= 0, "hookcam::rmsprop: weight_decay must not be negative",
                             with.weight_decay);
        detail::check_option(with.momentum >= 0, "hookcam::rmsprop: momentum must not be negative",
                             with.momentum);
    }

    /// Says what makes it another rule; checkpoints keep it.
    [[nodiscard]] static std::string describe(options const& with) {
        std::string text{with.centered ? "centered rmsprop" : "rmsprop"};
        return with.momentum != 0 ? text += " with momentum" : text;
    }

    /// Shows the options that are numbers.
    template <class Visit>
    static void visit(options& with, Visit&& show) {
        show("learning_rate", with.learning_rate);
        show("alpha", with.alpha);
        show("eps", with.eps);
        show("weight_decay", with.weight_decay);
        show("momentum", with.momentum);
    }

    /// One step of `size` numbers.
    template <class T>
    static void update(options const& with, std::int64_t, std::size_t size, T const* gradients, T* parameters,
                       std::array<T*, 3> const& remembered) {
        using vector = detail::vector<T>;
        auto const one = numbers<T>(with);
        kernels::rmsprop_numbers<vector> const all{
            detail::broadcast(one.rate), detail::broadcast(one.decay),    detail::broadcast(one.alpha),
            detail::broadcast(one.rest), detail::broadcast(one.momentum), detail::broadcast(one.eps)};
        bool const decays = with.weight_decay != 0;
        auto const go = [&](vector g, vector * v, vector * pushed, vector * mean)
            __attribute__((always_inline)) {
            kernels::rmsprop_step<detail::vector_arithmetic<T>>(all, decays, g, v[0], v[1], pushed, mean);
        };
        bool const is_pushed = with.momentum != 0;
        if (is_pushed && with.centered)
            detail::for_each_vector<T, 4>(
                size, gradients, {parameters, remembered[0], remembered[1], remembered[2]},
                [&](vector g, vector * v) __attribute__((always_inline)) { go(g, v, v + 2, v + 3); });
        else if (is_pushed)
            detail::for_each_vector<T, 3>(
                size, gradients, {parameters, remembered[0], remembered[1]},
                [&](vector g, vector * v) __attribute__((always_inline)) { go(g, v, v + 2, nullptr); });
        else if (with.centered)
            detail::for_each_vector<T, 3>(
                size, gradients, {parameters, remembered[0], remembered[2]},
                [&](vector g, vector * v) __attribute__((always_inline)) { go(g, v, nullptr, v + 2); });
        else
            detail::for_each_vector<T, 2>(
                size, gradients,
                {parameters, remembered[0]}, [&](vector g, vector * v) __attribute__((always_inline)) {
                    go(g, v, nullptr, nullptr);
                });
    }

    /// The same by a device.
    template <detail::a_gpu Device>
    static void update(Device const& on, options const& with, std::int64_t, std::size_t size,
                       float const* gradients, float* parameters, std::array<float*, 3> const& remembered) {
        kernels::for_each_element(on, size,
                                  kernels::rmsprop_element{numbers<float>(with), with.weight_decay != 0,
                                                           gradients, parameters, remembered[0],
                                                           with.momentum == 0 ? nullptr : remembered[1],
                                                           with.centered ? remembered[2] : nullptr});
    }

private:
    template <class T>
    [[nodiscard]] static kernels::rmsprop_numbers<T> numbers(options const& with) {
        return {static_cast<T>(-with.learning_rate), static_cast<T>(with.weight_decay),
                static_cast<T>(with.alpha),          static_cast<T>(1 - with.alpha),
                static_cast<T>(with.momentum),       static_cast<T>(with.eps)};
    }
};

/// RMSprop (Hinton's lecture 6e), as `torch.optim.RMSprop`: of all parameters by `options`, except those in `groups`.
/// Throws `error_kind::use` where an option makes no sense or a group is empty.
template <class Training>
[[nodiscard]] auto rmsprop(Training&& training, rmsprop_options const& options = {},
                           std::vector<parameter_group<rmsprop_options>> groups = {}) {
    return detail::make_optimizer<rmsprop_rule>(std::forward<Training>(training), options, std::move(groups));
}

} // namespace HOOKCAM_INSTRUCTION_SET

} // namespace hookcam
