#pragma once

#include "region.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <utility>

namespace hookcam {

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

template <std::size_t Rank, std::size_t Axis, std::size_t Count>
struct concatenate_operation {
    static constexpr char const* name = "concatenate";
    static constexpr unsigned reads(std::size_t) noexcept { return 0; }
    std::array<std::size_t, Count> begins; ///< of the parts along the axis

    template <std::size_t I>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        auto part = region<Rank>::whole();
        part.begin[Axis] = begins[I];
        return crop(grad, part, at.template shape<I>());
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

namespace functional {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// Tensors one behind the other along an axis; along the others they have one size.
template <int Axis, class T, std::size_t Rank, class... Others>
    requires(std::is_same_v<Others, variable<T, Rank>>&&...)
[[nodiscard]] variable<T, Rank> concatenate(variable<T, Rank> const& first, Others const&... others) {
    constexpr auto axis = detail::axis_of<Axis, Rank>();
    constexpr std::size_t count = 1 + sizeof...(Others);
    std::array<variable<T, Rank> const*, count> const parts{&first, &others...};
    std::array<std::size_t, count> begins{};
    auto shape = first.shape();
    shape[axis] = 0;
    for (std::size_t i = 0; i < count; ++i) {
        begins[i] = shape[axis];
        auto expected = first.shape();
        expected[axis] = parts[i]->shape()[axis];
        if (expected != parts[i]->shape())
            throw error{error_kind::shape,
                        "hookcam::functional::concatenate: the tensors must have one size along the "
                        "other axes; got " +
                            detail::shape_text(first.shape()) + " and " +
                            detail::shape_text(parts[i]->shape())};
        shape[axis] += expected[axis];
    }
    auto y = detail::record<T, Rank>(shape, detail::concatenate_operation<Rank, axis, count>{begins}, first,
                                     others...);
    auto const steps = detail::steps_over(shape, shape);
    std::size_t inner = 1;
    for (std::size_t d = axis + 1; d < Rank; ++d)
        inner *= shape[d];
    for (std::size_t i = 0; i < count; ++i)
        kernels::scatter_strided(steps, detail::data_of(*parts[i]), parts[i]->shape(),
                                 detail::data_of(y) + begins[i] * inner);
    return y;
}

/// Tensors of one shape beside one another along a new axis, which will be the axis `Axis`.
template <int Axis, class T, std::size_t Rank, class... Others>
    requires(std::is_same_v<Others, variable<T, Rank>>&&...)
[[nodiscard]] variable<T, Rank + 1> stack(variable<T, Rank> const& first, Others const&... others) {
    return concatenate<Axis>(unsqueeze<Axis>(first), unsqueeze<Axis>(others)...);
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace functional

} // namespace hookcam
