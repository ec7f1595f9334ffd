#pragma once

#include "arithmetic.hpp"

#include <cmath>
#include <cstddef>
#include <type_traits>

namespace hookcam {

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

// Functions of one variable, element by element. `derivative` is written once, for numbers and for variables;
// where it has steps, `step` of a variable is a constant. `passed(grad, read)` stands for grad·derivative(read)
// where a gradient is to be let through or stopped whatever it is, infinity too.

/// What a function makes of a variable's values, as a constant.
template <class Function, class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> constant_map(Function const& function, variable<T, Rank> const& x) {
    auto made = variable_access::wrap(make_node<value_node<T, Rank>>(x.shape()));
    kernels::map(function, x.size(), data_of(x), data_of(made));
    return made;
}

/// The same of two, broadcast.
template <class Function, class T, std::size_t A, std::size_t B>
[[nodiscard]] auto constant_zip(Function const& function, variable<T, A> const& a, variable<T, B> const& b) {
    constexpr std::size_t rank = std::max(A, B);
    auto const shape = broadcast_shape(a.shape(), b.shape(), "broadcast");
    auto made = variable_access::wrap(make_node<value_node<T, rank>>(shape));
    kernels::broadcast_zip(function, a.shape(), data_of(a), b.shape(), data_of(b), shape, data_of(made));
    return made;
}

/// A function of numbers with steps, of a number or of each of a variable's, as a constant.
template <class Function, class V>
[[nodiscard]] V stepwise(Function const& function, V const& x) {
    if constexpr (is_variable<V>)
        return constant_map(function, x);
    else
        return function(x);
}

struct exp_function {
    static constexpr char const* name = "exp";
    static constexpr auto reads_from = reading::output;
    template <class T>
    [[nodiscard]] T value(T x) const noexcept {
        return std::exp(x);
    }
    template <class V>
    [[nodiscard]] V derivative(V const& y) const {
        return y;
    }
};
struct log_function {
    static constexpr char const* name = "log";
    static constexpr auto reads_from = reading::input;
    template <class T>
    [[nodiscard]] T value(T x) const noexcept {
        return std::log(x);
    }
    template <class V>
    [[nodiscard]] V derivative(V const& x) const {
        return 1 / x;
    }
};
struct sqrt_function {
    static constexpr char const* name = "sqrt";
    static constexpr auto reads_from = reading::output;
    template <class T>
    [[nodiscard]] T value(T x) const noexcept {
        return std::sqrt(x);
    }
    template <class V>
    [[nodiscard]] V derivative(V const& y) const {
        return 1 / (2 * y);
    }
};
struct square_function {
    static constexpr char const* name = "square";
    static constexpr auto reads_from = reading::input;
    template <class T>
    [[nodiscard]] T value(T x) const noexcept {
        return x * x;
    }
    template <class V>
    [[nodiscard]] V derivative(V const& x) const {
        return 2 * x;
    }
};
struct sin_function;
struct cos_function {
    static constexpr char const* name = "cos";
    static constexpr auto reads_from = reading::input;
    template <class T>
    [[nodiscard]] T value(T x) const noexcept {
        return std::cos(x);
    }
    template <class V>
    [[nodiscard]] V derivative(V const& x) const {
        using std::sin;
        return -sin(x);
    }
};
struct sin_function {
    static constexpr char const* name = "sin";
    static constexpr auto reads_from = reading::input;
    template <class T>
    [[nodiscard]] T value(T x) const noexcept {
        return std::sin(x);
    }
    template <class V>
    [[nodiscard]] V derivative(V const& x) const {
        using std::cos;
        return cos(x);
    }
};
struct tanh_function {
    static constexpr char const* name = "tanh";
    static constexpr auto reads_from = reading::output;
    template <class T>
    [[nodiscard]] T value(T x) const noexcept {
        return std::tanh(x);
    }
    template <class V>
    [[nodiscard]] V derivative(V const& y) const {
        return 1 - y * y;
    }
};
struct sigmoid_function {
    static constexpr char const* name = "sigmoid";
    static constexpr auto reads_from = reading::output;
    template <class T>
    [[nodiscard]] T value(T x) const noexcept {
        return 1 / (1 + std::exp(-x));
    }
    template <class V>
    [[nodiscard]] V derivative(V const& y) const {
        return y * (1 - y);
    }
};
struct relu_function {
    static constexpr char const* name = "relu";
    static constexpr auto reads_from = reading::output;
    // Written so that NaN passes, and so does its gradient.
    template <class T>
    [[nodiscard]] T value(T x) const noexcept {
        return x < T{0} ? T{0} : x;
    }
    template <class V>
    [[nodiscard]] V derivative(V const& y) const {
        return stepwise([](auto of) { return of <= 0 ? decltype(of){0} : decltype(of){1}; }, y);
    }
    template <class T>
    [[nodiscard]] T passed(T grad, T y) const noexcept {
        return y <= T{0} ? T{0} : grad;
    }
};
struct abs_function {
    static constexpr char const* name = "abs";
    static constexpr auto reads_from = reading::input;
    template <class T>
    [[nodiscard]] T value(T x) const noexcept {
        return std::abs(x);
    }
    template <class V>
    [[nodiscard]] V derivative(V const& x) const {
        return stepwise(
            [](auto of) {
                using T = decltype(of);
                return of > 0 ? T{1} : of < 0 ? T{-1} : of * 0; // NaN stays one
            },
            x);
    }
};
template <class T>
struct clip_function {
    static constexpr char const* name = "clip";
    static constexpr auto reads_from = reading::input;
    T low, high;
    [[nodiscard]] T value(T x) const noexcept {
        T const raised = x < low ? low : x;
        return raised > high ? high : raised; // also where the bounds are the wrong way round, as in PyTorch
    }
    [[nodiscard]] T passed(T grad, T x) const noexcept { return x < low || x > high ? T{0} : grad; }
    template <class V>
    [[nodiscard]] V derivative(V const& x) const {
        return stepwise([this](T of) { return passed(T{1}, of); }, x);
    }
};
template <class T>
struct power_function {
    static constexpr char const* name = "pow";
    static constexpr auto reads_from = reading::input;
    T exponent;
    [[nodiscard]] T value(T x) const noexcept {
        return exponent == T{2} ? x * x : exponent == T{3} ? x * x * x : std::pow(x, exponent);
    }
    template <class V>
    [[nodiscard]] V derivative(V const& x) const {
        if constexpr (is_variable<V>)
            return exponent == T{0} ? x * T{0} : exponent * map(power_function{exponent - 1}, x);
        else
            return exponent == T{0}   ? T{0}
                   : exponent == T{1} ? T{1}
                                      : exponent * power_function{exponent - 1}.value(x);
    }
};

struct pow_operation {
    static constexpr char const* name = "pow";
    static constexpr unsigned reads(std::size_t input) noexcept {
        return read_input(0) | (input == 0 ? read_input(1) : read_output);
    }
    template <std::size_t I>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        auto const x = at.template input<0>();
        if constexpr (I == 0) {
            auto const exponent = at.template input<1>();
            // x^0 is constant, also where x^-1 is not finite.
            auto const raised = constant_zip(
                [](auto of, auto to) {
                    using T = decltype(of);
                    return to == T{0} && !std::isfinite(1 / of * of) ? T{1} : T{0};
                },
                x, exponent);
            return sum_to(grad * exponent * pow(x, exponent - 1 + raised), at.template shape<0>());
        } else {
            // 0^y is constant, where it is finite.
            auto const is_zero = constant_zip(
                [](auto of, auto made) {
                    using T = decltype(of);
                    return of == T{0} && std::isfinite(made) ? T{1} : T{0};
                },
                x, at.output());
            return sum_to(grad * at.output() * log(x + is_zero), at.template shape<1>());
        }
    }
};

// The larger and the smaller of two; equal ones share the gradient.
template <bool Larger>
struct extreme_operation {
    static constexpr char const* name = Larger ? "maximum" : "minimum";
    static constexpr unsigned reads(std::size_t) noexcept { return read_input(0) | read_input(1); }
    template <class T>
    [[nodiscard]] static T value(T a, T b) noexcept {
        return (Larger ? a > b : a < b) || std::isnan(a) ? a : b;
    }
    template <std::size_t I>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        auto const share = constant_zip(
            [](auto own, auto other) {
                using T = decltype(own);
                return own == other ? T{1} / 2 : (Larger ? own < other : own > other) ? T{0} : T{1};
            },
            at.template input<I>(), at.template input<1 - I>());
        return sum_to(grad * share, at.template shape<I>());
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

namespace functional {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// eˣ.
template <class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> exp(variable<T, Rank> const& x) {
    return detail::map(detail::exp_function{}, x);
}
/// The natural logarithm.
template <class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> log(variable<T, Rank> const& x) {
    return detail::map(detail::log_function{}, x);
}
/// The square root. Its gradient at zero is infinite, as in PyTorch.
template <class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> sqrt(variable<T, Rank> const& x) {
    return detail::map(detail::sqrt_function{}, x);
}
/// x².
template <class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> square(variable<T, Rank> const& x) {
    return detail::map(detail::square_function{}, x);
}
/// The sine.
template <class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> sin(variable<T, Rank> const& x) {
    return detail::map(detail::sin_function{}, x);
}
/// The cosine.
template <class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> cos(variable<T, Rank> const& x) {
    return detail::map(detail::cos_function{}, x);
}
/// The hyperbolic tangent.
template <class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> tanh(variable<T, Rank> const& x) {
    return detail::map(detail::tanh_function{}, x);
}
/// 1 / (1 + e⁻ˣ).
template <class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> sigmoid(variable<T, Rank> const& x) {
    return detail::map(detail::sigmoid_function{}, x);
}
/// max(x, 0). NaN passes; the gradient at zero is zero, as in PyTorch.
template <class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> relu(variable<T, Rank> const& x) {
    return detail::map(detail::relu_function{}, x);
}
/// |x|. The gradient at zero is zero.
template <class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> abs(variable<T, Rank> const& x) {
    return detail::map(detail::abs_function{}, x);
}
/// x, no smaller than `low` and no larger than `high`; its gradient passes where x is within, bounds included.
template <class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> clip(variable<T, Rank> const& x, std::type_identity_t<T> low,
                                     std::type_identity_t<T> high) {
    return detail::map(detail::clip_function<T>{low, high}, x);
}

/// x^exponent, element by element; one of them may be a number or an expression.
template <class A, class B>
    requires detail::operands<A, B>
[[nodiscard]] auto pow(A&& x, B&& exponent) {
    using T = detail::scalar_type_of<A, B>;
    if constexpr (detail::a_number<B>)
        return detail::map(detail::power_function<T>{static_cast<T>(exponent)}, x);
    else
        return detail::zip(
            detail::pow_operation{}, [](T a, T b) { return std::pow(a, b); }, detail::as_variable<T>(x),
            detail::as_variable<T>(exponent));
}
/// The larger of two, element by element; NaN where one is. Equal ones share the gradient, as in PyTorch.
template <class A, class B>
    requires detail::operands<A, B>
[[nodiscard]] auto maximum(A&& a, B&& b) {
    using T = detail::scalar_type_of<A, B>;
    using operation = detail::extreme_operation<true>;
    return detail::zip(
        operation{}, [](T x, T y) { return operation::value(x, y); }, detail::as_variable<T>(a),
        detail::as_variable<T>(b));
}
/// The smaller of two; likewise.
template <class A, class B>
    requires detail::operands<A, B>
[[nodiscard]] auto minimum(A&& a, B&& b) {
    using T = detail::scalar_type_of<A, B>;
    using operation = detail::extreme_operation<false>;
    return detail::zip(
        operation{}, [](T x, T y) { return operation::value(x, y); }, detail::as_variable<T>(a),
        detail::as_variable<T>(b));
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace functional

} // namespace hookcam
