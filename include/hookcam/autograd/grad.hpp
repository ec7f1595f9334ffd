#pragma once

#include "variable.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace hookcam {

/// How `grad` runs.
struct grad_options {
    bool retain_graph = false; ///< the graph can be walked again
    bool create_graph = false; ///< the gradients can be differentiated; it retains the graph
    bool allow_unused = false; ///< zeros for an input that the output was not made from; otherwise it throws
};

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

template <class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> target_gradient(backward_pass& pass, std::size_t index,
                                                variable<T, Rank> const& of, grad_options const& options) {
    if (auto found = pass.take_target(index))
        return variable_access::typed<T, Rank>(std::move(found));
    if (!options.allow_unused)
        throw error{error_kind::use,
                    "hookcam::grad: the output must have been made from each input, but was not "
                    "from number " +
                        std::to_string(index) + "; leave it out, or give {.allow_unused = true}"};
    auto zeros = make_node<value_node<T, Rank>>(of.shape());
    std::fill_n(zeros->data, zeros->size(), T{0});
    return variable_access::wrap(std::move(zeros));
}

/// The gradients of the sum of outputs with respect to inputs: of outputs of one element each, or of one with a
/// gradient to begin with.
template <class... Outputs, class... Inputs>
[[nodiscard]] auto gradients(std::tuple<Outputs&...> const& outputs, std::tuple<Inputs&...> const& inputs,
                             grad_options const& options, held<node> const& seed = {}) {
    backward_pass pass{{options.retain_graph || options.create_graph, options.create_graph, false}};
    auto const add = [&]<class T, std::size_t Rank>(variable<T, Rank> const& output) {
        if (!output.requires_grad())
            throw error{error_kind::use,
                        "hookcam::grad: a gradient must reach the output; make what it is made from by "
                        "variable instead of constant, and outside no_grad"};
        if (seed) {
            pass.add_root(node_of(output), seed);
            return;
        }
        if (output.size() != 1)
            throw error{error_kind::shape,
                        "hookcam::grad: the output must have one element, or a gradient must be "
                        "given; got " +
                            shape_text(output.shape())};
        auto one = make_node<value_node<T, Rank>>(output.shape());
        one->data[0] = 1;
        pass.add_root(node_of(output), held<node>::adopt(one.release()));
    };
    std::apply([&](auto const&... output) { (add(output), ...); }, outputs);
    std::apply([&](auto const&... input) { (pass.add_target(node_of(input)), ...); }, inputs);
    pass.run();
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return std::tuple<std::remove_const_t<Inputs>...>{
            target_gradient(pass, I, std::get<I>(inputs), options)...};
    }
    (std::index_sequence_for<Inputs...>{});
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

inline namespace HOOKCAM_INSTRUCTION_SET {

/// The gradient of an output of one element with respect to an input, a leaf or not. No leaf's own gradient is
/// touched, and only what lies between the two is walked.
template <class T, std::size_t Rank, class U, std::size_t InputRank>
[[nodiscard]] variable<U, InputRank> grad(variable<T, Rank> const& output,
                                          variable<U, InputRank> const& input, grad_options options = {}) {
    return std::get<0>(detail::gradients(std::tie(output), std::tie(input), options));
}
/// The same of an output of any shape, from its gradient.
template <class T, std::size_t Rank, class U, std::size_t InputRank>
[[nodiscard]] variable<U, InputRank> grad(variable<T, Rank> const& output,
                                          variable<U, InputRank> const& input,
                                          variable<T, Rank> const& gradient, grad_options options = {}) {
    detail::check_shape(gradient.value(), output.shape(), error_kind::shape,
                        "hookcam::grad: the gradient must have the output's shape");
    return std::get<0>(detail::gradients(std::tie(output), std::tie(input), options,
                                         detail::variable_access::held_by(gradient)));
}
/// With respect to several: `auto [gx, gy] = hc::grad(z, std::tie(x, y));`
template <class T, std::size_t Rank, class... Inputs>
[[nodiscard]] auto grad(variable<T, Rank> const& output, std::tuple<Inputs&...> const& inputs,
                        grad_options options = {}) {
    return detail::gradients(std::tie(output), inputs, options);
}
/// The gradients of the sum of several outputs, of one element each.
template <class... Outputs, class... Inputs>
[[nodiscard]] auto grad(std::tuple<Outputs&...> const& outputs, std::tuple<Inputs&...> const& inputs,
                        grad_options options = {}) {
    return detail::gradients(outputs, inputs, options);
}

} // namespace HOOKCAM_INSTRUCTION_SET

} // namespace hookcam
