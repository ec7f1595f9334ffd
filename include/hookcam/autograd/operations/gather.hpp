#pragma once

#include "shape.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hookcam {

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// Places in a tensor, shared by an operation and its backward.
using positions = std::shared_ptr<std::vector<std::size_t> const>;

template <class T, std::size_t Rank, std::size_t From>
[[nodiscard]] variable<T, Rank> take(variable<T, From> const& x, positions const& from,
                                     std::array<std::size_t, Rank> const& shape);
template <class T, std::size_t Rank, std::size_t From>
[[nodiscard]] variable<T, Rank> put(variable<T, From> const& x, positions const& to,
                                    std::array<std::size_t, Rank> const& shape);

struct take_operation {
    static constexpr char const* name = "gather";
    static constexpr unsigned reads(std::size_t) noexcept { return 0; }
    positions at_places;
    template <std::size_t>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        return put(grad, at_places, at.template shape<0>());
    }
};
struct put_operation {
    static constexpr char const* name = "scatter_add";
    static constexpr unsigned reads(std::size_t) noexcept { return 0; }
    positions at_places;
    template <std::size_t>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        return take(grad, at_places, at.template shape<0>());
    }
};

/// The elements of x at places.
template <class T, std::size_t Rank, std::size_t From>
variable<T, Rank> take(variable<T, From> const& x, positions const& from,
                       std::array<std::size_t, Rank> const& shape) {
    auto y = record<T, Rank>(shape, take_operation{from}, x);
    std::transform(from->begin(), from->end(), data_of(y),
                   [&](std::size_t place) { return data_of(x)[place]; });
    return y;
}

/// Zeros, to which the elements of x are added at places.
template <class T, std::size_t Rank, std::size_t From>
variable<T, Rank> put(variable<T, From> const& x, positions const& to,
                      std::array<std::size_t, Rank> const& shape) {
    auto y = record<T, Rank>(shape, put_operation{to}, x);
    std::fill_n(data_of(y), y.size(), T{0});
    for (std::size_t i = 0; i < to->size(); ++i)
        data_of(y)[(*to)[i]] += data_of(x)[i];
    return y;
}

/// An index into an axis that must be there.
template <class Index>
[[nodiscard]] std::size_t checked_index(Index index, std::size_t size, char const* name) {
    if (!(static_cast<long long>(index) >= 0 && static_cast<std::size_t>(index) < size))
        throw error{error_kind::use, std::string{"hookcam::functional::"} + name +
                                         ": an index must be below the size of the axis, " +
                                         std::to_string(size) + "; got " + std::to_string(index)};
    return static_cast<std::size_t>(index);
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

namespace functional {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// For each element of an xtensor of whole numbers, the element of x at that index of an axis and at its own place
/// along the others: PyTorch's `gather`.
template <int Axis, class T, std::size_t Rank, class Indices>
    requires detail::an_expression<Indices> && std::integral<typename Indices::value_type>
[[nodiscard]] variable<T, Rank> gather(variable<T, Rank> const& x, Indices const& indices) {
    constexpr auto axis = detail::axis_of<Axis, Rank>();
    static_assert(detail::expression_axes<Indices>() == Rank,
                  "hookcam::functional::gather: the indices must have the axes of the tensor; reshape them");
    xt::xtensor<typename Indices::value_type, Rank> const given{indices};
    std::array<std::size_t, Rank> shape{};
    for (std::size_t i = 0; i < Rank; ++i) {
        shape[i] = given.shape()[i];
        if (i != axis && shape[i] > x.shape()[i])
            throw error{
                error_kind::shape,
                "hookcam::functional::gather: the indices must not be larger than the tensor along other "
                "axes; got " +
                    detail::shape_text(shape) + " for " + detail::shape_text(x.shape())};
    }
    auto places = std::make_shared<std::vector<std::size_t>>(given.size());
    auto const of_x = detail::steps_over(x.shape(), x.shape());
    std::array<std::size_t, Rank> at{};
    for (std::size_t i = 0; i < places->size(); ++i) {
        std::size_t place = 0, rest = i;
        for (std::size_t d = Rank; d-- > 0; rest /= shape[d])
            at[d] = rest % shape[d];
        at[axis] = detail::checked_index(given.data()[i], x.shape()[axis], "gather");
        for (std::size_t d = 0; d < Rank; ++d)
            place += at[d] * of_x[d];
        (*places)[i] = place;
    }
    return detail::take(x, places, shape);
}

/// The elements at several indices of an axis, in their order: PyTorch's `index_select`. The indices are a range
/// of whole numbers.
template <int Axis, class T, std::size_t Rank, class Indices>
[[nodiscard]] variable<T, Rank> index_select(variable<T, Rank> const& x, Indices const& indices) {
    constexpr auto axis = detail::axis_of<Axis, Rank>();
    std::size_t inner = 1, outer = 1;
    for (std::size_t d = 0; d < Rank; ++d)
        (d < axis ? outer : inner) *= d == axis ? 1 : x.shape()[d];
    std::size_t const size = x.shape()[axis];
    std::vector<std::size_t> chosen;
    for (auto const index : indices)
        chosen.push_back(detail::checked_index(index, size, "index_select"));
    auto places = std::make_shared<std::vector<std::size_t>>();
    places->reserve(outer * chosen.size() * inner);
    for (std::size_t o = 0; o < outer; ++o)
        for (auto const index : chosen)
            for (std::size_t i = 0; i < inner; ++i)
                places->push_back((o * size + index) * inner + i);
    auto shape = x.shape();
    shape[axis] = chosen.size();
    return detail::take(x, places, shape);
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace functional

} // namespace hookcam
