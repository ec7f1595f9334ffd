#pragma once

#include "../compose/composite.hpp"
#include "../compose/named.hpp"
#include "../compose/output_shape.hpp"
#include "../compose/paths.hpp"
#include "../core/fixed_string.hpp"
#include "../plan/model.hpp"
#include "operations/join.hpp"
#include "operations/layer.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hookcam {

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// A tensor of a network that somebody may ask for by its path, or a parameter by its key.
struct kept_node {
    std::string path;
    std::size_t rank;
    held<node> at;
};

/// A node over memory that is somebody else's.
template <class T, std::size_t Rank>
[[nodiscard]] held<value_node<T, Rank>> borrow_node(T* data, extents const& sizes) {
    std::array<std::size_t, Rank> shape{};
    for (std::size_t axis = 0; axis < Rank; ++axis)
        shape[axis] = sizes[axis];
    auto made = held<value_node<T, Rank>>::adopt(new (room_behind{0}) value_node<T, Rank>{shape});
    made->data = data;
    return made;
}

/// What a walk over a network knows: its parameters, and where it notes what named layers make.
template <class T>
struct network_walk {
    std::vector<kept_node> const* leaves; ///< parameters as variables, in order; null where they are constant
    T const* parameters;
    std::size_t next_leaf = 0;
    std::vector<kept_node>* activations; ///< null where nobody asks
};

template <class Node, class T, std::size_t Rank>
[[nodiscard]] auto walk_network(network_walk<T>& walk, Node const& at, std::string const& scope,
                                variable<T, Rank> const& x);

/// What a composite is given to join its children.
template <class Composite, class T>
struct network_scope {
    network_walk<T>& walk;
    Composite const& at;
    std::string const& scope;

    template <std::size_t Index, std::size_t Rank>
    [[nodiscard]] auto child(variable<T, Rank> const& x) {
        return walk_network(walk, at.template child<Index>(), scope, x);
    }
    template <std::size_t Rank>
    [[nodiscard]] auto fork(variable<T, Rank> const& x) {
        return std::pair{x, x};
    }
    template <class A, class B>
    [[nodiscard]] auto sum(A const& a, B const& b) {
        return a + b;
    }
    template <class... Parts>
    [[nodiscard]] auto concat(Parts const&... parts) {
        return functional::concatenate<1>(parts...);
    }
    template <class A, class B>
    [[nodiscard]] auto product(A const& a, B const& b) {
        return a * b;
    }
};

template <class T, class... Parameters>
[[nodiscard]] auto parameters_here(network_walk<T>& walk, hookcam::parameters<Parameters...>) {
    [[maybe_unused]] auto const next = [&walk]<class Parameter>(Parameter) {
        auto* const data = const_cast<T*>(walk.parameters);
        walk.parameters += Parameter::sizes.count();
        if (walk.leaves != nullptr)
            return variable_access::typed<T, Parameter::rank>((*walk.leaves)[walk.next_leaf++].at);
        return variable_access::wrap(borrow_node<T, Parameter::rank>(data, Parameter::sizes));
    };
    return std::tuple<variable<T, Parameters::rank>...>{next(Parameters{})...}; // from left to right
}

template <class Node, class T, std::size_t Rank>
auto walk_network(network_walk<T>& walk, Node const& at, std::string const& scope,
                  variable<T, Rank> const& x) {
    if constexpr (is_named<Node>) {
        auto const path = scope + std::string{Node::name.view()};
        std::size_t const place = walk.activations == nullptr ? 0 : walk.activations->size();
        if (walk.activations != nullptr)
            walk.activations->push_back({path, 0, {}});
        auto const y = walk_network(walk, at.node, path + '.', x);
        if (walk.activations != nullptr) {
            (*walk.activations)[place].rank = std::remove_cvref_t<decltype(y)>::rank;
            (*walk.activations)[place].at = variable_access::held_by(y);
        }
        return y;
    } else if constexpr (a_composite<Node>) {
        network_scope<Node, T> inner{walk, at, scope};
        return Node::lower(inner, x);
    } else {
        auto const own = parameters_here(walk, typename Node::parameters{});
        return std::apply(
            [&](auto const&... parameter) { return layer_call<Node>::run(at, x, parameter...); }, own);
    }
}

[[nodiscard]] inline kept_node const& find_kept(std::vector<kept_node> const& all, std::string_view path,
                                                std::size_t rank, char const* who) {
    std::string paths;
    for (auto const& one : all) {
        if (one.path == path && one.rank == rank)
            return one;
        paths += ' ' + one.path + " (" + std::to_string(one.rank) + " axes)";
    }
    throw error{error_kind::use, std::string{who} + ": there must be \"" + std::string{path} + "\" with " +
                                     std::to_string(rank) + " axes; take one of:" + paths};
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

inline namespace HOOKCAM_INSTRUCTION_SET {

/// A model's parameters as variables over the model's own memory: learned ones are leaves, whose gradients are
/// wanted. Writing to one, by `mutable_value`, changes the model. The model must outlive it and stay where it is;
/// its plans must be told by `refresh`.
template <class Network, class T>
class parameter_variables {
public:
    /// Of a model.
    explicit parameter_variables(model<Network, T>& of) : m_model{&of} { add<Network>(of.data(), {}); }

    /// One of them by its key, whose rank must be given: `parameters.get<4>("conv1.weight")`. Throws where there is
    /// none.
    template <std::size_t Rank>
    [[nodiscard]] variable<T, Rank> get(std::string_view key) const {
        return detail::variable_access::typed<T, Rank>(
            detail::find_kept(m_all, key, Rank, "hookcam::parameter_variables").at);
    }

    /// For the walk over the network.
    [[nodiscard]] std::vector<detail::kept_node> const& all() const noexcept { return m_all; }
    /// Whose they are.
    [[nodiscard]] model<Network, T> const& of() const noexcept { return *m_model; }

private:
    model<Network, T> const* m_model;
    std::vector<detail::kept_node> m_all;

    template <class Node>
    T* add(T* data, std::string const& scope) {
        if constexpr (detail::is_named<Node>) {
            return add<typename Node::node_type>(data, scope + std::string{Node::name.view()} + '.');
        } else if constexpr (detail::a_composite<Node>) {
            [&]<class... Children>(detail::list<Children...>) {
                ((data = add<Children>(data, scope)), ...);
            }(typename Node::children{});
            return data;
        } else {
            auto const one = [&]<class Parameter>(Parameter) {
                auto made = detail::borrow_node<T, Parameter::rank>(data, Parameter::sizes);
                made->requires_grad = Parameter::is_learned;
                data += Parameter::sizes.count();
                m_all.push_back({scope + std::string{Parameter::name.view()}, Parameter::rank,
                                 detail::held<detail::node>::adopt(made.release())});
            };
            [&]<class... Parameters>(hookcam::parameters<Parameters...>) {
                (one(Parameters{}), ...);
            }(typename Node::parameters{});
            return data;
        }
    }
};
/// `parameter_variables{model}`.
template <class Network, class T>
parameter_variables(model<Network, T>&) -> parameter_variables<Network, T>;

/// What a network made of an input, with the outputs of all its named layers.
template <class Network, class T, std::size_t Rank, std::size_t OutputRank>
class traced {
    template <fixed_string Path>
    static constexpr auto found = detail::sizes_at<Network>(Path.view(), detail::open_sizes<Rank - 1>());

public:
    /// Made by `trace`.
    traced(variable<T, OutputRank> out, std::vector<detail::kept_node> activations)
        : output{std::move(out)},
          m_activations{std::move(activations)} {}

    variable<T, OutputRank> output; ///< the network's output

    /// The output of the layer at a path, a tensor of the graph like any other: `run.activation<"conv3">()`.
    template <fixed_string Path>
    [[nodiscard]] auto activation() const {
        static_assert(found<Path>.found,
                      "hookcam::trace: the network must have this path; see hookcam::paths");
        constexpr std::size_t rank = found<Path>.sizes.rank + 1;
        return detail::variable_access::typed<T, rank>(
            detail::find_kept(m_activations, Path.view(), rank, "hookcam::trace").at);
    }

private:
    std::vector<detail::kept_node> m_activations;
};

/// Runs a model's network on a batch as operations, and keeps the outputs of its named layers. The parameters are
/// constants.
template <class Network, class T, std::size_t Rank>
[[nodiscard]] auto trace(model<Network, T> const& of, variable<T, Rank> const& x) {
    std::vector<detail::kept_node> activations;
    detail::network_walk<T> walk{nullptr, of.data(), 0, &activations};
    auto y = detail::walk_network(walk, of.network(), std::string{}, x);
    return traced<Network, T, Rank, decltype(y)::rank>{std::move(y), std::move(activations)};
}
/// The same with parameters that are variables.
template <class Network, class T, std::size_t Rank>
[[nodiscard]] auto trace(parameter_variables<Network, T> const& parameters, variable<T, Rank> const& x) {
    std::vector<detail::kept_node> activations;
    detail::network_walk<T> walk{&parameters.all(), parameters.of().data(), 0, &activations};
    auto y = detail::walk_network(walk, parameters.of().network(), std::string{}, x);
    return traced<Network, T, Rank, decltype(y)::rank>{std::move(y), std::move(activations)};
}

} // namespace HOOKCAM_INSTRUCTION_SET

namespace functional {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// Runs a model's network on a batch as operations of the graph: it can stand in the middle of a computation. Each
/// layer is `apply` of it; the parameters are constants. (A plan is faster, where a network is all there is.)
template <class Network, class T, std::size_t Rank>
[[nodiscard]] auto apply(model<Network, T> const& of, variable<T, Rank> const& x) {
    detail::network_walk<T> walk{nullptr, of.data(), 0, nullptr};
    return detail::walk_network(walk, of.network(), std::string{}, x);
}
/// The same with parameters that are variables: a backward leaves their gradients in them.
template <class Network, class T, std::size_t Rank>
[[nodiscard]] auto apply(parameter_variables<Network, T> const& parameters, variable<T, Rank> const& x) {
    detail::network_walk<T> walk{&parameters.all(), parameters.of().data(), 0, nullptr};
    return detail::walk_network(walk, parameters.of().network(), std::string{}, x);
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace functional

} // namespace hookcam
