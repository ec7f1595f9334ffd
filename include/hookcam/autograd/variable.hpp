#pragma once

#include "../core/error.hpp"
#include "../core/instruction_set.hpp"
#include "../core/shape_text.hpp"
#include "../hooks/call.hpp"
#include "../hooks/registry.hpp"
#include "../tensor/shape_check.hpp"
#include "../tensor/view.hpp"
#include "backward_pass.hpp"
#include "value_node.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace hookcam {

/// The operations on variables, as `torch.nn.functional` has them. They are found without their namespace:
/// `exp(x)`, `sum<0>(x)`, `relu(x)`.
namespace functional {

/// The base of `variable`, by which this namespace is found.
struct operand {};

} // namespace functional

/// How `backward` runs.
struct backward_options {
    bool retain_graph = false; ///< the graph can be walked again; else it frees itself on the way
};

inline namespace HOOKCAM_INSTRUCTION_SET {
template <class T, std::size_t Rank>
class variable;
} // namespace HOOKCAM_INSTRUCTION_SET

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// The number of axes of an expression, where its type says so; a lazy one says it by its shape.
template <class Expression>
constexpr std::size_t expression_axes() {
    if constexpr (rank_of<Expression> != dynamic)
        return rank_of<Expression>;
    else if constexpr (requires { std::tuple_size<typename Expression::shape_type>::value; })
        return std::tuple_size<typename Expression::shape_type>::value;
    else
        return dynamic;
}

/// Between variables and their nodes.
struct variable_access {
    template <class T, std::size_t Rank>
    [[nodiscard]] static value_node<T, Rank>& node_of(variable<T, Rank> const& of) noexcept {
        return *of.m_node;
    }
    template <class T, std::size_t Rank>
    [[nodiscard]] static held<node> held_by(variable<T, Rank> of) noexcept {
        return held<node>::adopt(of.m_node.release());
    }
    template <class T, std::size_t Rank>
    static hook_handle register_erased(variable<T, Rank> const& at, erased_tensor_hook hook) {
        at.require_differentiable("register_hook");
        auto const& list = at.m_node->hooks_to_fill().on_gradient;
        return {list, list->add(std::move(hook))};
    }
    template <class T, std::size_t Rank>
    [[nodiscard]] static variable<T, Rank> wrap(held<value_node<T, Rank>> made) noexcept {
        return variable<T, Rank>{std::move(made)};
    }
    template <class T, std::size_t Rank>
    [[nodiscard]] static variable<T, Rank> typed(held<node> made) noexcept {
        return wrap(held<value_node<T, Rank>>::adopt(static_cast<value_node<T, Rank>*>(made.release())));
    }
};

template <class T, std::size_t Rank>
[[nodiscard]] value_node<T, Rank>& node_of(variable<T, Rank> const& of) noexcept {
    return variable_access::node_of(of);
}

template <std::size_t Rank, class T>
[[nodiscard]] tensor_view<T const, Rank> view_of_node(value_node<T, Rank> const& of) {
    return view_of<Rank>(static_cast<T const*>(of.data), of.shape);
}

/// A new node with the values of an expression.
template <class T, std::size_t Rank, class Expression>
[[nodiscard]] held<value_node<T, Rank>> evaluated(Expression const& made) {
    if (made.dimension() != Rank)
        throw error{error_kind::shape, "hookcam::variable: the expression must have " + std::to_string(Rank) +
                                           " axes; got " + std::to_string(made.dimension())};
    std::array<std::size_t, Rank> shape{};
    for (std::size_t axis = 0; axis < Rank; ++axis)
        shape[axis] = static_cast<std::size_t>(made.shape()[axis]);
    auto node = make_node<value_node<T, Rank>>(shape);
    if constexpr (Rank == 0)
        node->data[0] = static_cast<T>(made());
    else
        fill(view_of<Rank>(node->data, shape), made);
    return node;
}

/// Calls a hook with a gradient: a view of it, or the variable if that is what the hook takes. What it returns
/// takes the gradient's place.
template <class T, std::size_t Rank, class Hook>
void run_tensor_hook(Hook& hook, held<node>& gradient) {
    using view = tensor_view<T const, Rank>;
    auto& at = static_cast<value_node<T, Rank>&>(*gradient);
    constexpr auto sentence =
        "hookcam::register_hook: a hook must return the shape of the gradient that it was given";
    if constexpr (std::is_invocable_v<Hook&, view const&>) {
        using result = std::invoke_result_t<Hook&, view const&>;
        auto const seen = view_of_node(at);
        if constexpr (std::is_void_v<result>) {
            hook(seen);
        } else {
            static_assert(hook_result_must_fit<Hook, result, can_replace<result, T, Rank>()>::value);
            auto&& made = hook(seen);
            check_shape(made, at.shape, error_kind::hook, sentence);
            if (at.requires_grad)
                throw error{
                    error_kind::hook,
                    "hookcam::register_hook: a hook that replaces a gradient in a pass with create_graph "
                    "must take and return a variable, so that it can be differentiated; write "
                    "[](hookcam::variable<T, "
                    "Rank> const& gradient)"};
            auto fresh = evaluated<T, Rank>(made);
            gradient = held<node>::adopt(fresh.release());
        }
    } else {
        using whole = variable<T, Rank>;
        static_assert(
            std::is_invocable_v<Hook&, whole const&>,
            "hookcam::register_hook: a hook must be callable with a gradient; take it by auto const&");
        using result = std::invoke_result_t<Hook&, whole const&>;
        auto const seen = variable_access::typed<T, Rank>(gradient);
        if constexpr (std::is_void_v<result>) {
            hook(seen);
        } else {
            static_assert(std::is_same_v<std::remove_cvref_t<result>, whole>,
                          "hookcam::register_hook: a hook that takes a variable must return nothing, or a "
                          "variable of the same type");
            whole made = hook(seen);
            check_shape(made.value(), at.shape, error_kind::hook, sentence);
            gradient = variable_access::held_by(std::move(made));
        }
    }
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

inline namespace HOOKCAM_INSTRUCTION_SET {

/// A tensor of a computation that can be differentiated: row-major values of `T` (float or double) with `Rank`
/// axes, and what they were made from. It refers to both as a PyTorch tensor does: a copy is the same tensor.
///
/// Made from an xtensor expression or a number it is a leaf: gradients come together in it. What operations
/// make of it remembers how, for as long as somebody holds the result. A graph is one thread's at a time;
/// threads may share leaves and constants as long as none changes them, and run `grad` at the same time.
template <class T, std::size_t Rank>
class variable : public functional::operand {
    static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>,
                  "hookcam::variable: the scalar type must be float or double");
    using node_type = detail::value_node<T, Rank>;

public:
    using value_type = T;
    /// The number of axes.
    static constexpr std::size_t rank = Rank;

    /// A leaf with a copy of an expression's values, whose gradient is wanted. (`constant` makes one whose is
    /// not.)
    template <class Expression>
        requires detail::an_expression<Expression>
    explicit variable(Expression const& value) : m_node{detail::evaluated<T, Rank>(value)} {
        m_node->requires_grad = true;
    }
    /// A leaf of one number.
    explicit variable(T value) requires(Rank == 0) : m_node{detail::make_node<node_type>({})} {
        m_node->data[0] = value;
        m_node->requires_grad = true;
    }

    /// A view of the values, good as long as the tensor lives.
    [[nodiscard]] tensor_view<T const, Rank> value() const { return detail::view_of_node(*m_node); }
    /// A view to write to, as an optimiser does to a leaf. It is not recorded: where a backward that is still
    /// to come reads the values that were, it throws.
    [[nodiscard]] tensor_view<T, Rank> mutable_value() {
        m_node->count_change();
        return detail::view_of<Rank>(m_node->data, m_node->shape);
    }
    /// The value of a tensor of one element; another throws.
    [[nodiscard]] T item() const {
        require_one("item");
        return m_node->data[0];
    }
    /// The sizes of the axes.
    [[nodiscard]] std::array<std::size_t, Rank> const& shape() const noexcept { return m_node->shape; }
    /// The number of elements.
    [[nodiscard]] std::size_t size() const noexcept { return m_node->size(); }

    /// True where a gradient reaches it.
    [[nodiscard]] bool requires_grad() const noexcept { return m_node->requires_grad; }
    /// True where no recorded operation made it.
    [[nodiscard]] bool is_leaf() const noexcept { return m_node->is_leaf; }
    /// The name of the operation that made it; `leaf` where none did.
    [[nodiscard]] std::string_view operation() const noexcept { return m_node->name(); }

    /// The same values, cut off from what made them: a constant that shares their memory.
    [[nodiscard]] variable detach() const {
        return variable{detail::make_node_over<node_type>(*m_node, m_node->shape)};
    }

    /// Backward from a tensor of one element: the gradients of all leaves are added to those they have.
    void backward(backward_options options = {}) const {
        require_one("backward");
        auto one = detail::make_node<node_type>(m_node->shape);
        one->data[0] = 1;
        run_backward(std::move(one), options);
    }
    /// Backward from the gradient of this tensor, an expression of its shape.
    template <class Expression>
        requires detail::an_expression<Expression>
    void backward(Expression const& gradient, backward_options options = {}) const {
        detail::check_shape(gradient, shape(), error_kind::shape,
                            "hookcam::backward: the gradient must have the tensor's shape");
        run_backward(detail::evaluated<T, Rank>(gradient), options);
    }
    /// The same from a copy of a variable's values.
    void backward(variable const& gradient, backward_options options = {}) const {
        backward(gradient.value(), options);
    }

    /// True where a backward has left a gradient: in a leaf, or after `retain_grad`.
    [[nodiscard]] bool has_grad() const noexcept { return gradient_node() != nullptr; }
    /// A view of the gradient, good until the next backward or `zero_grad`. Throws where there is none.
    [[nodiscard]] tensor_view<T const, Rank> grad() const { return detail::view_of_node(require_grad()); }
    /// The gradient to write to, as a hook after accumulation may.
    [[nodiscard]] tensor_view<T, Rank> mutable_grad() {
        auto& at = const_cast<node_type&>(require_grad());
        auto& place = m_node->is_leaf ? m_node->own_gradient : m_node->hooks()->retained;
        auto* to = &at;
        if (!at.is_alone() || at.owner != nullptr) {
            auto copy = detail::evaluated<T, Rank>(detail::view_of_node(at));
            to = copy.get();
            place = detail::held<detail::node>::adopt(copy.release());
        }
        return detail::view_of<Rank>(to->data, to->shape);
    }
    /// Drops the gradient: there is none until the next backward.
    void zero_grad() const noexcept {
        if (m_node->is_leaf)
            m_node->own_gradient = {};
        if (auto* const hooks = m_node->hooks())
            hooks->retained = {};
    }
    /// Lets a tensor that is no leaf keep its gradient too, as it is after all hooks.
    void retain_grad() const {
        require_differentiable("retain_grad");
        if (!m_node->is_leaf)
            m_node->hooks_to_fill().retains = true;
    }

    /// Calls `hook(gradient)` once in each backward that reaches the tensor, with the whole of its gradient, a
    /// view. It returns nothing, or what shall take the gradient's place: an expression of its shape. Hooks
    /// run in the order of registration, each sees what the last one returned. (A hook whose argument is
    /// `variable<T, Rank> const&` gets one, and returns one; in a pass with `create_graph` it is recorded.)
    template <class Hook>
    hook_handle register_hook(Hook hook) const {
        return detail::variable_access::register_erased(
            *this, [held_hook = std::move(hook)](detail::held<detail::node>& gradient) mutable {
                detail::run_tensor_hook<T, Rank>(held_hook, gradient);
            });
    }

    /// Calls `hook(leaf)`, a variable that may be changed, after a backward has added to the leaf's gradient.
    /// Nothing in it is recorded.
    template <class Hook>
        requires std::invocable<Hook&, variable&> hook_handle register_post_accumulate_grad_hook(Hook hook)
    const {
        require_differentiable("register_post_accumulate_grad_hook");
        if (!m_node->is_leaf)
            throw error{error_kind::use,
                        "hookcam::register_post_accumulate_grad_hook: the tensor must be a leaf; "
                        "register_hook sees the gradient of another"};
        m_node->keeps_value = true;
        auto const& list = m_node->hooks_to_fill().after_accumulation;
        return {list, list->add([held_hook = std::move(hook)](detail::held<detail::node>& leaf) mutable {
                    auto parameter = detail::variable_access::typed<T, Rank>(leaf);
                    held_hook(parameter);
                })};
    }

    /// The result of an operation with another tensor, an expression or a number takes this one's place.
    template <class Other>
    variable& operator+=(Other const& other) {
        return *this = *this + other;
    }
    /// Likewise.
    template <class Other>
    variable& operator-=(Other const& other) {
        return *this = *this - other;
    }
    /// Likewise.
    template <class Other>
    variable& operator*=(Other const& other) {
        return *this = *this * other;
    }
    /// Likewise.
    template <class Other>
    variable& operator/=(Other const& other) {
        return *this = *this / other;
    }

private:
    friend struct detail::variable_access;
    detail::held<node_type> m_node;

    explicit variable(detail::held<node_type> made) noexcept : m_node{std::move(made)} {}

    void require_one(char const* what) const {
        if (size() != 1)
            throw error{error_kind::shape,
                        std::string{"hookcam::"} + what +
                            ": the tensor must have one element; give backward a gradient of its "
                            "shape, " +
                            detail::shape_text(shape())};
    }
    void require_differentiable(char const* what) const {
        if (!m_node->requires_grad)
            throw error{error_kind::use,
                        std::string{"hookcam::"} + what +
                            ": a gradient must reach the tensor; make it, or what it was made "
                            "from, by variable instead of constant, and outside no_grad"};
    }
    [[nodiscard]] node_type const* gradient_node() const noexcept {
        auto const* const hooks = m_node->hooks();
        auto const* const found = m_node->is_leaf    ? m_node->own_gradient.get()
                                  : hooks != nullptr ? hooks->retained.get()
                                                     : nullptr;
        return static_cast<node_type const*>(found);
    }
    [[nodiscard]] node_type const& require_grad() const {
        auto const* const found = gradient_node();
        if (found == nullptr)
            throw error{error_kind::use,
                        "hookcam::grad: the tensor must have a gradient; call backward first, and "
                        "retain_grad before it where the tensor is no leaf"};
        return *found;
    }

    void run_backward(detail::held<node_type> gradient, backward_options options) const {
        require_differentiable("backward");
        detail::backward_pass pass{{options.retain_graph, false, true}};
        pass.add_root(*m_node, detail::held<detail::node>::adopt(gradient.release()));
        pass.run();
    }
};

template <class Expression>
    requires detail::an_expression<Expression> variable(Expression const&)
->variable<std::remove_cv_t<typename Expression::value_type>, detail::expression_axes<Expression>()>;
/// `variable{2.0}` has no axes.
template <std::floating_point T>
variable(T) -> variable<T, 0>;

/// A tensor without gradient, with a copy of an expression's values.
template <class Expression>
    requires detail::an_expression<Expression>
[[nodiscard]] auto constant(Expression const& value) {
    using T = std::remove_cv_t<typename Expression::value_type>;
    constexpr auto rank = detail::expression_axes<Expression>();
    static_assert(rank != dynamic,
                  "hookcam::constant: the expression must have a rank that is known by type; "
                  "evaluate it into an xt::xtensor");
    return detail::variable_access::wrap(detail::evaluated<T, rank>(value));
}
/// The same of one number.
template <std::floating_point T>
[[nodiscard]] variable<T, 0> constant(T value) {
    auto made = detail::make_node<detail::value_node<T, 0>>({});
    made->data[0] = value;
    return detail::variable_access::wrap(std::move(made));
}

} // namespace HOOKCAM_INSTRUCTION_SET

namespace detail {

template <class T>
inline constexpr bool is_variable = false;
template <class T, std::size_t Rank>
inline constexpr bool is_variable<variable<T, Rank>> = true;

template <class T>
concept a_variable = is_variable<std::remove_cvref_t<T>>;

} // namespace detail

} // namespace hookcam
