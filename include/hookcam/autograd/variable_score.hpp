#pragma once

#include "variable.hpp"

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace hookcam {

/// A score for Grad-CAM that is written as an expression: `function(output)` or `function(output, target)` makes a
/// variable of one element of one image's output, a variable without the batch. The gradient comes by itself.
///
/// `hc::scored_grad_cam_request<decltype(score), "conv3">{score}` takes it.
template <class Function>
class variable_score {
public:
    /// Of a function.
    explicit variable_score(Function function) : m_function{std::move(function)} {}

    /// The index of the largest element, as if all axes were one.
    [[nodiscard]] std::size_t target(auto const& output) const {
        auto const* const first = output.data();
        return static_cast<std::size_t>(std::max_element(first, first + output.size()) - first);
    }

    /// The gradient of the score with respect to one image's output.
    template <class Output, class Gradient>
    void gradient(Output const& output, [[maybe_unused]] std::size_t target, Gradient& gradient) const {
        enable_grad const guard;
        auto const leaf = variable{output};
        auto const score = [&] {
            if constexpr (std::is_invocable_v<Function const&, decltype(leaf), std::size_t>)
                return m_function(leaf, target);
            else
                return m_function(leaf);
        }();
        score.backward();
        auto const made = leaf.grad();
        std::copy_n(made.data(), made.size(), gradient.data());
    }

private:
    [[no_unique_address]] Function m_function;
};

} // namespace hookcam
