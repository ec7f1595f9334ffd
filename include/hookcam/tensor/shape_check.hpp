#pragma once

#include "../core/error.hpp"
#include "../core/shape_text.hpp"
#include "xtensor.hpp"

#include <cstddef>
#include <string>
#include <type_traits>

namespace hookcam::detail {

template <class Result>
concept an_expression = xt::is_xexpression<std::remove_cvref_t<Result>>::value;

template <class Expression>
inline constexpr std::size_t rank_of = xt::get_rank<std::remove_cvref_t<Expression>>::value;

/// Throws unless an expression has a shape; `sentence` says what must hold.
template <class Expression, class Sizes>
void check_shape(Expression const& made, Sizes const& shape, error_kind kind, char const* sentence) {
    bool same = made.dimension() == shape.size();
    for (std::size_t axis = 0; same && axis < shape.size(); ++axis)
        same = static_cast<std::size_t>(made.shape()[axis]) == shape[axis];
    if (!same)
        throw error{kind,
                    std::string{sentence} + ": " + shape_text(shape) + "; got " + shape_text(made.shape())};
}

} // namespace hookcam::detail
