#pragma once

#include "../core/instruction_set.hpp"
#include "backward_pass.hpp"
#include "grad_mode.hpp"
#include "value_node.hpp"
#include "variable.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

// An operation is a small class, held in the node of its result:
//
// - `static constexpr char const* name`;
// - `static constexpr unsigned reads(std::size_t input)`: which values the gradient of an input is computed from,
//   a sum of `read_input(i)` and `read_output`; only these are kept;
// - `auto gradient<I>(at, grad) const`: the gradient of input I, a variable of its type, from that of the result.
//   It is written with operations on variables, so it is recorded where gradients of gradients are wanted.
//   `at.input<J>()`, `at.output()` and `at.shape<J>()` are what was kept. Or, for all inputs at once,
//   `void backward(at, grad) const`, which asks `at.needs<I>()` and calls `at.deliver<I>(gradient)`.

[[nodiscard]] constexpr unsigned read_input(std::size_t input) noexcept {
    return 2u << input;
}
inline constexpr unsigned read_output = 1;

template <class Node, class... Inputs>
class operation_view;

/// A node that an operation made from variables of the types `Inputs`.
template <class T, std::size_t Rank, class Operation, class... Inputs>
class operation_node final : public value_node<T, Rank> {
public:
    static constexpr std::size_t count = sizeof...(Inputs);
    using view = operation_view<operation_node, Inputs...>;

    template <class Given>
    operation_node(typename value_node<T, Rank>::shape_type const& sizes, Given&& operation,
                   Inputs const&... inputs)
        : value_node<T, Rank>{sizes},
          m_operation{std::forward<Given>(operation)} {
        this->is_leaf = false;
        this->requires_grad = true;
        std::array<node*, count> const from{&node_of(inputs)...};
        unsigned read = 0;
        for (std::size_t i = 0; i < count; ++i)
            if (from[i]->requires_grad)
                read |= Operation::reads(i);
        this->keeps_value = (read & read_output) != 0;
        std::array<std::uint32_t, count> const versions{node_of(inputs).current_version()...};
        auto number = recorded_operations;
        for (std::size_t i = 0; i < count; ++i) {
            auto& to = m_edges[i];
            to.differentiates = from[i]->requires_grad;
            to.holds = (read & read_input(i)) != 0;
            if (!to.differentiates && !to.holds)
                continue;
            to.to = from[i];
            to.version = versions[i];
            if (to.holds)
                to.to->hold();
            else
                to.to->mention();
            if (!to.to->is_leaf)
                number = std::max(number, to.to->order);
        }
        this->order = recorded_operations = number + 1;
    }

    [[nodiscard]] char const* name() const noexcept override {
        if constexpr (requires { Operation::name_of_type(); })
            return Operation::name_of_type();
        else
            return Operation::name;
    }
    [[nodiscard]] std::span<edge> edges() noexcept override { return m_edges; }

    void backward(backward_pass& pass, held<node> gradient) override {
        view const at{*this, pass};
        auto grad = variable_access::typed<T, Rank>(std::move(gradient));
        if constexpr (requires { m_operation.backward(at, grad); })
            m_operation.backward(at, grad);
        else
            [&]<std::size_t... I>(std::index_sequence<I...>) {
                (deliver_gradient<I>(at, grad), ...);
            }
        (std::index_sequence_for<Inputs...>{});
    }

    void let_go_of_inputs() noexcept override {
        for (auto& to : m_edges)
            if (auto* const input = std::exchange(to.to, nullptr)) {
                if (to.holds)
                    input->let_go();
                else
                    input->forget();
                to.differentiates = false;
            }
        this->keep_value_no_more();
    }

    /// Throws where a value that the gradient of an input is computed from was changed in place since.
    void require_unchanged(std::size_t input) const {
        auto const read = Operation::reads(input);
        if (read == 0)
            return;
        bool same = (read & read_output) == 0 || this->current_version() == 0;
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            ((same = same && ((read & read_input(I)) == 0 ||
                              typed_input<I>().current_version() == m_edges[I].version)),
             ...);
        }
        (std::index_sequence_for<Inputs...>{});
        if (!same)
            throw error{
                error_kind::use,
                std::string{"hookcam::backward: a value that the backward of "} + name() +
                    " reads must not be changed in place before it; compute the result again, or change a "
                    "copy"};
    }

    template <std::size_t I>
    using input_type = std::tuple_element_t<I, std::tuple<Inputs...>>;
    template <std::size_t I>
    [[nodiscard]] auto& typed_input() const noexcept {
        using type = input_type<I>;
        return static_cast<value_node<typename type::value_type, type::rank>&>(*m_edges[I].to);
    }
    [[nodiscard]] edge const& edge_to(std::size_t input) const noexcept { return m_edges[input]; }

protected:
    ~operation_node() override { let_go_of_inputs(); }

private:
    [[no_unique_address]] Operation m_operation;
    std::array<edge, count> m_edges{};

    template <std::size_t I, class At, class Gradient>
    void deliver_gradient(At const& at, Gradient const& grad) {
        if (at.template needs<I>())
            at.template deliver<I>(m_operation.template gradient<I>(at, grad));
    }
};

/// What an operation sees of its node while its backward runs.
template <class Node, class... Inputs>
class operation_view {
public:
    operation_view(Node& of, backward_pass& pass) noexcept : m_node{of}, m_pass{pass} {}

    /// An input whose value was kept.
    template <std::size_t I>
    [[nodiscard]] auto input() const {
        auto& from = m_node.template typed_input<I>();
        return variable_access::wrap(held<std::remove_reference_t<decltype(from)>>{&from});
    }
    /// The sizes of an input that needs a gradient.
    template <std::size_t I>
    [[nodiscard]] auto const& shape() const noexcept {
        return m_node.template typed_input<I>().shape;
    }
    /// The result, where its value was kept.
    [[nodiscard]] auto output() const {
        using typed = value_node<typename Node::value_type, Node::rank>;
        return variable_access::wrap(held<typed>{&m_node});
    }

    /// True where the gradient of an input is wanted.
    template <std::size_t I>
    [[nodiscard]] bool needs() const {
        if (!m_pass.needs(m_node.edge_to(I)))
            return false;
        m_node.require_unchanged(I);
        return true;
    }
    /// Hands an input its gradient.
    template <std::size_t I, class Gradient>
    void deliver(Gradient gradient) const {
        static_assert(std::is_same_v<Gradient, typename Node::template input_type<I>>);
        m_pass.deliver(m_node.edge_to(I), variable_access::held_by(std::move(gradient)));
    }

private:
    Node& m_node;
    backward_pass& m_pass;
};

/// True where an operation on these is recorded.
template <class... Inputs>
[[nodiscard]] bool is_recorded(Inputs const&... inputs) noexcept {
    return grad_is_enabled && (false || ... || node_of(inputs).requires_grad);
}

/// The result of an operation, whose values are to be written; recorded where a gradient can reach it.
template <class T, std::size_t Rank, class Operation, class... Inputs>
[[nodiscard]] variable<T, Rank> record(std::array<std::size_t, Rank> const& shape, Operation&& operation,
                                       Inputs const&... inputs) {
    using typed = value_node<T, Rank>;
    if (!is_recorded(inputs...))
        return variable_access::wrap(make_node<typed>(shape));
    using recorded = operation_node<T, Rank, std::remove_cvref_t<Operation>, Inputs...>;
    auto made = make_node<recorded>(shape, std::forward<Operation>(operation), inputs...);
    return variable_access::wrap(held<typed>::adopt(made.release()));
}

/// The result of an operation that shows its input's memory in another shape.
template <std::size_t Rank, class Operation, class Input>
[[nodiscard]] auto record_over(std::array<std::size_t, Rank> const& shape, Operation&& operation,
                               Input const& input) {
    using T = typename Input::value_type;
    using typed = value_node<T, Rank>;
    if (!is_recorded(input))
        return variable_access::wrap(make_node_over<typed>(node_of(input), shape));
    using recorded = operation_node<T, Rank, std::remove_cvref_t<Operation>, Input>;
    auto made = make_node_over<recorded>(node_of(input), shape, std::forward<Operation>(operation), input);
    return variable_access::wrap(held<typed>::adopt(made.release()));
}

/// Where the values of a result are written.
template <class T, std::size_t Rank>
[[nodiscard]] T* data_of(variable<T, Rank> const& of) noexcept {
    return node_of(of).data;
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
