#pragma once

#include "../grad_mode.hpp"
#include "../record.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace hookcam {

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

template <class Variable>
using view_of_variable = tensor_view<typename Variable::value_type const, Variable::rank>;

template <class T>
inline constexpr bool is_tuple = false;
template <class... Types>
inline constexpr bool is_tuple<std::tuple<Types...>> = true;

/// An operation of the user's. Its backward takes views, or variables if it is to be differentiated itself.
template <class Backward, class Output, class... Inputs>
struct custom_operation {
    static constexpr char const* name = "operation";
    /// Of what a backward of the user's reads nothing is known: all is kept.
    static constexpr unsigned reads(std::size_t) noexcept { return (2u << sizeof...(Inputs)) - 1; }
    static constexpr bool takes_views =
        std::is_invocable_v<Backward const&, view_of_variable<Output> const&, view_of_variable<Output> const&,
                            view_of_variable<Inputs> const&...>;
    Backward function;

    void backward(auto const& at, Output const& grad) const {
        run(at, grad, std::index_sequence_for<Inputs...>{});
    }

private:
    template <std::size_t... I>
    void run(auto const& at, Output const& grad, std::index_sequence<I...>) const {
        // Asked first, so that a change in place is found before the function sees it.
        std::array<bool, sizeof...(Inputs)> const wanted{at.template needs<I>()...};
        auto const y = at.output();
        auto const inputs = std::tuple<Inputs...>{at.template input<I>()...};
        if constexpr (takes_views) {
            if (grad_is_enabled)
                throw error{error_kind::use,
                            "hookcam::functional::operation: for create_graph the backward must take and "
                            "return variables; write its arguments as hookcam::variable<T, Rank> const&"};
            auto const seen = grad.value();
            auto const result = y.value();
            auto const values = std::tuple{std::get<I>(inputs).value()...};
            hand_out(at, wanted, function(seen, result, std::get<I>(values)...));
        } else {
            static_assert(
                std::is_invocable_v<Backward const&, Output const&, Output const&, Inputs const&...>,
                "hookcam::functional::operation: the backward must be callable with the gradient of the "
                "result, the result, and the inputs; take them by auto const&");
            hand_out(at, wanted, function(grad, y, std::get<I>(inputs)...));
        }
    }

    template <class Made>
    void hand_out(auto const& at, std::array<bool, sizeof...(Inputs)> const& wanted, Made const& made) const {
        if constexpr (is_tuple<Made>) {
            static_assert(
                std::tuple_size_v<Made> == sizeof...(Inputs),
                "hookcam::functional::operation: the backward must return one gradient for each input; "
                "return a std::tuple of as many");
            [&]<std::size_t... I>(std::index_sequence<I...>) {
                (hand_out_one<I>(at, wanted[I], std::get<I>(made)), ...);
            }
            (std::index_sequence_for<Inputs...>{});
        } else {
            static_assert(
                sizeof...(Inputs) == 1,
                "hookcam::functional::operation: the backward must return a std::tuple with one gradient for "
                "each input");
            hand_out_one<0>(at, wanted[0], made);
        }
    }

    template <std::size_t I, class Made>
    static void hand_out_one(auto const& at, bool wanted, Made const& made) {
        if (!wanted)
            return;
        using input = std::tuple_element_t<I, std::tuple<Inputs...>>;
        constexpr auto sentence =
            "hookcam::functional::operation: a gradient must have the shape of its input";
        if constexpr (a_variable<Made>) {
            check_shape(made.value(), at.template shape<I>(), error_kind::shape, sentence);
            at.template deliver<I>(made);
        } else {
            check_shape(made, at.template shape<I>(), error_kind::shape, sentence);
            at.template deliver<I>(
                variable_access::wrap(evaluated<typename input::value_type, input::rank>(made)));
        }
    }
};

template <class Forward, class Backward>
class made_operation {
public:
    made_operation(Forward forward, Backward backward)
        : m_forward{std::move(forward)},
          m_backward{std::move(backward)} {}

    template <class T, std::size_t Rank, class... Others>
    [[nodiscard]] auto operator()(variable<T, Rank> const& first, Others const&... others) const {
        return call(first.value(), first, others...);
    }

private:
    Forward m_forward;
    Backward m_backward;

    template <class First, class... Inputs>
    [[nodiscard]] auto call(First const&, Inputs const&... inputs) const {
        // Views that outlive the expression that forward makes of them.
        auto const views = std::tuple{inputs.value()...};
        return std::apply([&](auto const&... view) { return keep(m_forward(view...), inputs...); }, views);
    }

    template <class Made, class... Inputs>
    [[nodiscard]] auto keep(Made const& made, Inputs const&... inputs) const {
        using T = typename std::tuple_element_t<0, std::tuple<Inputs...>>::value_type;
        static_assert(an_expression<Made>,
                      "hookcam::functional::operation: the forward must return an xtensor expression");
        constexpr auto rank = expression_axes<Made>();
        static_assert(rank != dynamic,
                      "hookcam::functional::operation: the result of the forward must have a rank that "
                      "is known by type; return an xt::xtensor");
        using output = variable<T, rank>;
        std::array<std::size_t, rank> shape{};
        for (std::size_t axis = 0; axis < rank; ++axis)
            shape[axis] = static_cast<std::size_t>(made.shape()[axis]);
        auto y = record<T, rank>(shape, custom_operation<Backward, output, Inputs...>{m_backward}, inputs...);
        if constexpr (rank == 0)
            data_of(y)[0] = static_cast<T>(made());
        else
            fill(view_of<rank>(data_of(y), shape), made);
        return y;
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

namespace functional {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// An operation of your own, of two functions: `forward(x...)` makes an xtensor expression of views of its inputs;
/// `backward(grad, y, x...)` makes the gradient of the input of that of the result, of the result and of the
/// inputs, or a `std::tuple` of one for each. What comes back is called with variables. A backward whose
/// arguments are `variable<T, Rank> const&` is written with operations, and can be differentiated itself.
template <class Forward, class Backward>
[[nodiscard]] auto operation(Forward forward, Backward backward) {
    return detail::made_operation<Forward, Backward>{std::move(forward), std::move(backward)};
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace functional

} // namespace hookcam
