#pragma once

#include "../../core/instruction_set.hpp"
#include "../loops.hpp"
#include "../record.hpp"
#include "../variable.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace hookcam {

namespace detail {

template <class T>
concept a_number = std::is_arithmetic_v<std::remove_cvref_t<T>>;

/// What stands beside a variable in an operation.
template <class T>
concept an_operand = a_variable<T> || an_expression<T> || a_number<T>;

/// Arguments of an operation, one of them a variable.
template <class A, class B>
concept operands = (a_variable<A> && an_operand<B>) || (an_operand<A> && a_variable<B>);

inline namespace HOOKCAM_INSTRUCTION_SET {

/// An operand as a variable of scalars `T`.
template <class T, class Operand>
[[nodiscard]] decltype(auto) as_variable(Operand const& of) {
    if constexpr (a_variable<Operand>) {
        static_assert(
            std::is_same_v<typename Operand::value_type, T>,
            "hookcam::functional: the variables of an operation must hold one scalar type; make both of "
            "float or both of double");
        return static_cast<Operand const&>(of);
    } else if constexpr (a_number<Operand>) {
        return constant(static_cast<T>(of));
    } else {
        constexpr auto rank = expression_axes<Operand>();
        static_assert(rank != dynamic,
                      "hookcam::functional: an expression beside a variable must have a rank that is "
                      "known by type; evaluate it into an xt::xtensor");
        return variable_access::wrap(evaluated<T, rank>(of));
    }
}

template <class A, class B>
struct scalar_of {
    using type = typename std::remove_cvref_t<A>::value_type;
};
template <class A, class B>
    requires(!a_variable<A>)
struct scalar_of<A, B> {
    using type = typename std::remove_cvref_t<B>::value_type;
};
/// The scalar type of an operation's variables.
template <class A, class B>
using scalar_type_of = typename scalar_of<A, B>::type;

// ------------------------------------------------------------------------------------ sums and repetitions

template <class T, std::size_t Rank, std::size_t From>
[[nodiscard]] variable<T, Rank> sum_to(variable<T, From> const& x,
                                       std::array<std::size_t, Rank> const& shape);
template <class T, std::size_t Rank, std::size_t From>
[[nodiscard]] variable<T, Rank> broadcast_to(variable<T, From> const& x,
                                             std::array<std::size_t, Rank> const& shape);

/// x, repeated along axes: the gradient is summed over them.
struct broadcast_operation {
    static constexpr char const* name = "broadcast";
    static constexpr unsigned reads(std::size_t) noexcept { return 0; }
    template <std::size_t>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        return sum_to(grad, at.template shape<0>());
    }
};

/// The sum over the axes along which `shape` has size one: the gradient is repeated along them.
struct sum_to_operation {
    static constexpr char const* name = "sum";
    static constexpr unsigned reads(std::size_t) noexcept { return 0; }
    template <std::size_t>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        return broadcast_to(grad, at.template shape<0>());
    }
};

template <class T, std::size_t Rank, std::size_t From>
variable<T, Rank> broadcast_to(variable<T, From> const& x, std::array<std::size_t, Rank> const& shape) {
    if constexpr (From == Rank)
        if (x.shape() == shape)
            return x;
    auto y = record<T, Rank>(shape, broadcast_operation{}, x);
    if (x.size() == 1)
        std::fill_n(data_of(y), y.size(), *data_of(x));
    else
        kernels::copy_strided(steps_over(x.shape(), shape), data_of(x), shape, data_of(y));
    return y;
}

/// The sum of x over the axes that a tensor of another shape lacks, or along which it has size one: what the
/// gradient of a tensor becomes that was repeated.
template <class T, std::size_t Rank, std::size_t From>
variable<T, Rank> sum_to(variable<T, From> const& x, std::array<std::size_t, Rank> const& shape) {
    if constexpr (From == Rank)
        if (x.shape() == shape)
            return x;
    auto y = record<T, Rank>(shape, sum_to_operation{}, x);
    kernels::sum_over(steps_over(shape, x.shape()), x.shape(), data_of(x), y.size(), data_of(y));
    return y;
}

// -------------------------------------------------------------------------------- one variable and a number

/// Runs an operation of one variable that maps every element by itself. `Function` says how: `value(x)`, and
/// `reads_from`, what its derivative is computed from.
enum class reading { nothing, input, output };

template <class Function>
struct map_operation {
    static constexpr char const* name = Function::name;
    static constexpr unsigned reads(std::size_t) noexcept {
        return Function::reads_from == reading::input    ? read_input(0)
               : Function::reads_from == reading::output ? read_output
                                                         : 0;
    }
    [[no_unique_address]] Function function;

    template <std::size_t>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        if constexpr (Function::reads_from == reading::nothing)
            return function.gradient(grad);
        else if constexpr (Function::reads_from == reading::input)
            return along(grad, at.template input<0>());
        else
            return along(grad, at.output());
    }

private:
    /// One loop where nothing is recorded, a formula of variables where it is.
    template <class T, std::size_t Rank>
    [[nodiscard]] variable<T, Rank> along(variable<T, Rank> const& grad,
                                          variable<T, Rank> const& read) const {
        if (is_recorded(grad, read))
            return grad * function.derivative(read);
        auto made = variable_access::wrap(make_node<value_node<T, Rank>>(read.shape()));
        auto const gradient_of = [this](T g, T value) {
            if constexpr (requires { function.passed(g, value); })
                return function.passed(g, value);
            else
                return g * function.derivative(value);
        };
        kernels::zip(gradient_of, read.size(), data_of(grad), data_of(read), data_of(made));
        return made;
    }
};

template <class Function, class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> map(Function const& function, variable<T, Rank> const& x) {
    auto y = record<T, Rank>(x.shape(), map_operation<Function>{function}, x);
    kernels::map([&function](T value) { return function.value(value); }, x.size(), data_of(x), data_of(y));
    return y;
}

template <class T>
struct add_number {
    static constexpr char const* name = "add";
    static constexpr auto reads_from = reading::nothing;
    T number;
    [[nodiscard]] T value(T x) const noexcept { return x + number; }
    [[nodiscard]] auto gradient(auto const& grad) const { return grad; }
};
template <class T>
struct subtract_from_number {
    static constexpr char const* name = "subtract";
    static constexpr auto reads_from = reading::nothing;
    T number;
    [[nodiscard]] T value(T x) const noexcept { return number - x; }
    [[nodiscard]] auto gradient(auto const& grad) const { return -grad; }
};
template <class T>
struct multiply_by_number {
    static constexpr char const* name = "multiply";
    static constexpr auto reads_from = reading::nothing;
    T number;
    [[nodiscard]] T value(T x) const noexcept { return x * number; }
    [[nodiscard]] auto gradient(auto const& grad) const { return grad * number; }
};
template <class T>
struct divide_by_number {
    static constexpr char const* name = "divide";
    static constexpr auto reads_from = reading::nothing;
    T number;
    [[nodiscard]] T value(T x) const noexcept { return x / number; }
    [[nodiscard]] auto gradient(auto const& grad) const { return grad / number; }
};
template <class T>
struct divide_number {
    static constexpr char const* name = "divide";
    static constexpr auto reads_from = reading::input;
    T number;
    [[nodiscard]] T value(T x) const noexcept { return number / x; }
    template <class V>
    [[nodiscard]] auto derivative(V const& x) const {
        return -number / (x * x);
    }
};
struct negate {
    static constexpr char const* name = "negate";
    static constexpr auto reads_from = reading::nothing;
    template <class T>
    [[nodiscard]] T value(T x) const noexcept {
        return -x;
    }
    [[nodiscard]] auto gradient(auto const& grad) const { return -grad; }
};

// ------------------------------------------------------------------------------------------- two variables

/// Runs an operation of two variables that are broadcast.
template <class Operation, class Function, class T, std::size_t A, std::size_t B>
[[nodiscard]] auto zip(Operation const& operation, Function const& function, variable<T, A> const& a,
                       variable<T, B> const& b) {
    constexpr std::size_t rank = std::max(A, B);
    if constexpr (A == B) {
        if (a.shape() == b.shape()) {
            auto y = record<T, rank>(a.shape(), operation, a, b);
            kernels::zip(function, y.size(), data_of(a), data_of(b), data_of(y));
            return y;
        }
    }
    auto const shape = broadcast_shape(a.shape(), b.shape(), Operation::name);
    auto y = record<T, rank>(shape, operation, a, b);
    kernels::broadcast_zip(function, a.shape(), data_of(a), b.shape(), data_of(b), shape, data_of(y));
    return y;
}

struct add_operation {
    static constexpr char const* name = "add";
    static constexpr unsigned reads(std::size_t) noexcept { return 0; }
    template <std::size_t I>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        return sum_to(grad, at.template shape<I>());
    }
};
struct subtract_operation {
    static constexpr char const* name = "subtract";
    static constexpr unsigned reads(std::size_t) noexcept { return 0; }
    template <std::size_t I>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        if constexpr (I == 0)
            return sum_to(grad, at.template shape<0>());
        else
            return -sum_to(grad, at.template shape<1>());
    }
};
struct multiply_operation {
    static constexpr char const* name = "multiply";
    static constexpr unsigned reads(std::size_t input) noexcept { return read_input(1 - input); }
    template <std::size_t I>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        return sum_to(grad * at.template input<1 - I>(), at.template shape<I>());
    }
};
struct divide_operation {
    static constexpr char const* name = "divide";
    static constexpr unsigned reads(std::size_t input) noexcept {
        return input == 0 ? read_input(1) : read_input(0) | read_input(1);
    }
    template <std::size_t I>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        auto const b = at.template input<1>();
        if constexpr (I == 0)
            return sum_to(grad / b, at.template shape<0>());
        else
            return sum_to(-grad * (at.template input<0>() / (b * b)), at.template shape<1>());
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

namespace functional {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// −x.
template <class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> operator-(variable<T, Rank> const& x) {
    return detail::map(detail::negate{}, x);
}

// What stands beside a variable is another, an xtensor expression, or a number. Shapes are broadcast as NumPy
// does. (Arguments are taken as xtensor's own operators take them, so that these are chosen, being more
// constrained.)

/// a + b.
template <class A, class B>
    requires detail::operands<A, B>
[[nodiscard]] auto operator+(A&& a, B&& b) {
    using T = detail::scalar_type_of<A, B>;
    if constexpr (detail::a_number<B>)
        return detail::map(detail::add_number<T>{static_cast<T>(b)}, a);
    else if constexpr (detail::a_number<A>)
        return detail::map(detail::add_number<T>{static_cast<T>(a)}, b);
    else
        return detail::zip(
            detail::add_operation{}, [](T x, T y) { return x + y; }, detail::as_variable<T>(a),
            detail::as_variable<T>(b));
}

/// a − b.
template <class A, class B>
    requires detail::operands<A, B>
[[nodiscard]] auto operator-(A&& a, B&& b) {
    using T = detail::scalar_type_of<A, B>;
    if constexpr (detail::a_number<B>)
        return detail::map(detail::add_number<T>{-static_cast<T>(b)}, a);
    else if constexpr (detail::a_number<A>)
        return detail::map(detail::subtract_from_number<T>{static_cast<T>(a)}, b);
    else
        return detail::zip(
            detail::subtract_operation{}, [](T x, T y) { return x - y; }, detail::as_variable<T>(a),
            detail::as_variable<T>(b));
}

/// a·b, element by element.
template <class A, class B>
    requires detail::operands<A, B>
[[nodiscard]] auto operator*(A&& a, B&& b) {
    using T = detail::scalar_type_of<A, B>;
    if constexpr (detail::a_number<B>)
        return detail::map(detail::multiply_by_number<T>{static_cast<T>(b)}, a);
    else if constexpr (detail::a_number<A>)
        return detail::map(detail::multiply_by_number<T>{static_cast<T>(a)}, b);
    else
        return detail::zip(
            detail::multiply_operation{}, [](T x, T y) { return x * y; }, detail::as_variable<T>(a),
            detail::as_variable<T>(b));
}

/// a / b, element by element.
template <class A, class B>
    requires detail::operands<A, B>
[[nodiscard]] auto operator/(A&& a, B&& b) {
    using T = detail::scalar_type_of<A, B>;
    if constexpr (detail::a_number<B>)
        return detail::map(detail::divide_by_number<T>{static_cast<T>(b)}, a);
    else if constexpr (detail::a_number<A>)
        return detail::map(detail::divide_number<T>{static_cast<T>(a)}, b);
    else
        return detail::zip(
            detail::divide_operation{}, [](T x, T y) { return x / y; }, detail::as_variable<T>(a),
            detail::as_variable<T>(b));
}

/// x, repeated to a shape as broadcasting would: `broadcast_to(x, 2, 3, 4)`.
template <class T, std::size_t Rank, std::integral... Sizes>
[[nodiscard]] auto broadcast_to(variable<T, Rank> const& x, Sizes... sizes) {
    std::array<std::size_t, sizeof...(Sizes)> const shape{static_cast<std::size_t>(sizes)...};
    static_assert(sizeof...(Sizes) >= Rank,
                  "hookcam::functional::broadcast_to: the shape must have at least the "
                  "axes of the tensor; give more sizes");
    std::array<long long, sizeof...(Sizes)> const given{static_cast<long long>(sizes)...};
    bool const is_shape = std::none_of(given.begin(), given.end(), [](long long size) { return size < 0; });
    if (!is_shape || detail::broadcast_shape(x.shape(), shape, "broadcast_to") != shape)
        throw error{error_kind::shape,
                    "hookcam::functional::broadcast_to: the tensor must fit into the shape; got " +
                        detail::shape_text(x.shape()) + " and " + detail::shape_text(given)};
    return detail::broadcast_to(x, shape);
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace functional

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

template <class T, std::size_t Rank>
held<node> recorded_sum(held<node> const& a, held<node> const& b) {
    return variable_access::held_by(variable_access::typed<T, Rank>(a) + variable_access::typed<T, Rank>(b));
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

} // namespace hookcam
