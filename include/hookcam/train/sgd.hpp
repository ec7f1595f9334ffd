#pragma once

#include "../cuda/training/sgd_step.hpp"
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

/// How `sgd` steps; the defaults are PyTorch's.
struct sgd_options {
    double learning_rate = 1e-3; ///< how far a step goes
    double momentum = 0;         ///< the share of the last step that the next one keeps
    double dampening = 0;        ///< of the gradient, where there is momentum
    double weight_decay = 0;     ///< times the parameter is added to its gradient
    bool nesterov = false;       ///< looks ahead; needs momentum and no dampening
};

inline namespace HOOKCAM_INSTRUCTION_SET {

/// The rule of `sgd`.
struct sgd_rule {
    /// What can be chosen.
    using options = sgd_options;
    /// What it remembers of each parameter.
    static constexpr std::array<std::string_view, 1> slots{"momentum_buffer"};

    /// Whether it remembers that.
    [[nodiscard]] static bool uses(options const& with, std::size_t) noexcept { return with.momentum != 0; }

    /// Throws `error_kind::use` where an option makes no sense.
    static void check(options const& with) {
        detail::check_option(with.learning_rate >= 0, "hookcam::sgd: learning_rate must not be negative",
                             with.learning_rate);
        detail::check_option(with.momentum >= 0, "hookcam::sgd: momentum must not be negative",
                             with.momentum);
        detail::check_option(!std::isnan(with.dampening), "hookcam::sgd: dampening must be a number",
                             with.dampening);
        detail::check_option(with.weight_decay >= 0, "hookcam::sgd: weight_decay must not be negative",
                             with.weight_decay);
        detail::check_option(!with.nesterov || (with.momentum > 0 && with.dampening == 0),
                             "hookcam::sgd: nesterov must have momentum and no dampening", with.dampening);
    }

    /// Says what makes it another rule; checkpoints keep it.
    [[nodiscard]] static std::string describe(options const& with) {
        if (with.nesterov)
            return "sgd with Nesterov's momentum";
        return with.momentum != 0 ? "sgd with momentum" : "sgd";
    }

    /// Shows the options that are numbers.
    template <class Visit>
    static void visit(options& with, Visit&& show) {
        show("learning_rate", with.learning_rate);
        show("momentum", with.momentum);
        show("dampening", with.dampening);
        show("weight_decay", with.weight_decay);
    }

    /// One step, the parameter's `step`-th, of `size` numbers.
    template <class T>
    static void update(options const& with, std::int64_t step, std::size_t size, T const* gradients,
                       T* parameters, std::array<T*, 1> const& remembered) {
        using vector = detail::vector<T>;
        using arithmetic = detail::vector_arithmetic<T>;
        auto const one = numbers<T>(with, step);
        kernels::sgd_numbers<vector> const all{detail::broadcast(one.rate), detail::broadcast(one.decay),
                                               detail::broadcast(one.momentum), detail::broadcast(one.share)};
        bool const decays = with.weight_decay != 0;
        bool const looks_ahead = with.nesterov;
        if (with.momentum == 0)
            detail::for_each_vector<T, 1>(
                size, gradients, {parameters}, [&](vector g, vector * values) __attribute__((always_inline)) {
                    kernels::sgd_step<arithmetic>(all, decays, false, g, values[0],
                                                  static_cast<vector*>(nullptr));
                });
        else
            detail::for_each_vector<T, 2>(
                size, gradients,
                {parameters, remembered[0]}, [&](vector g, vector * values) __attribute__((always_inline)) {
                    kernels::sgd_step<arithmetic>(all, decays, looks_ahead, g, values[0], values + 1);
                });
    }

    /// The same by a device.
    template <detail::a_gpu Device>
    static void update(Device const& on, options const& with, std::int64_t step, std::size_t size,
                       float const* gradients, float* parameters, std::array<float*, 1> const& remembered) {
        kernels::for_each_element(on, size,
                                  kernels::sgd_element{numbers<float>(with, step), with.weight_decay != 0,
                                                       with.nesterov, gradients, parameters,
                                                       with.momentum == 0 ? nullptr : remembered[0]});
    }

private:
    template <class T>
    [[nodiscard]] static kernels::sgd_numbers<T> numbers(options const& with, std::int64_t step) {
        return {static_cast<T>(-with.learning_rate), static_cast<T>(with.weight_decay),
                static_cast<T>(with.momentum),
                // The first step takes the gradient as it is.
                step == 1 ? T{1} : static_cast<T>(1 - with.dampening)};
    }
};

/// Stochastic gradient descent with momentum, as `torch.optim.SGD`: of all parameters by `options`, except those in
/// `groups`. Throws `error_kind::use` where an option makes no sense or a group is empty.
template <class Training>
[[nodiscard]] auto sgd(Training&& training, sgd_options const& options = {},
                       std::vector<parameter_group<sgd_options>> groups = {}) {
    return detail::make_optimizer<sgd_rule>(std::forward<Training>(training), options, std::move(groups));
}

} // namespace HOOKCAM_INSTRUCTION_SET

} // namespace hookcam
