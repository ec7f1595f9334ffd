#pragma once

#include "shape.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>

namespace hookcam {

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// A part of a tensor: from `begin` on, every `step`-th along each axis.
template <std::size_t Rank>
struct region {
    std::array<std::size_t, Rank> begin{};
    std::array<std::size_t, Rank> step{};

    [[nodiscard]] static region whole() noexcept {
        region all;
        all.step.fill(1);
        return all;
    }
    /// Where it begins in a tensor, and its steps there.
    [[nodiscard]] auto place_in(std::array<std::size_t, Rank> const& shape) const noexcept {
        std::pair<std::size_t, std::array<std::size_t, Rank>> place{};
        std::size_t stride = 1;
        for (std::size_t axis = Rank; axis-- > 0;) {
            place.first += begin[axis] * stride;
            place.second[axis] = step[axis] * stride;
            stride *= shape[axis];
        }
        return place;
    }
};

template <class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> crop(variable<T, Rank> const& x, region<Rank> const& part,
                                     std::array<std::size_t, Rank> const& shape);
template <class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> embed(variable<T, Rank> const& x, region<Rank> const& part,
                                      std::array<std::size_t, Rank> const& shape, T around);

template <std::size_t Rank>
struct crop_operation {
    static constexpr char const* name = "slice";
    static constexpr unsigned reads(std::size_t) noexcept { return 0; }
    region<Rank> part;
    template <std::size_t>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        using T = typename std::remove_cvref_t<decltype(grad)>::value_type;
        return embed(grad, part, at.template shape<0>(), T{0});
    }
};
template <std::size_t Rank>
struct embed_operation {
    static constexpr char const* name = "pad";
    static constexpr unsigned reads(std::size_t) noexcept { return 0; }
    region<Rank> part;
    template <std::size_t>
    [[nodiscard]] auto gradient(auto const& at, auto const& grad) const {
        return crop(grad, part, at.template shape<0>());
    }
};

/// The part of x.
template <class T, std::size_t Rank>
variable<T, Rank> crop(variable<T, Rank> const& x, region<Rank> const& part,
                       std::array<std::size_t, Rank> const& shape) {
    auto y = record<T, Rank>(shape, crop_operation<Rank>{part}, x);
    if (y.size() != 0) {
        auto const [begin, steps] = part.place_in(x.shape());
        kernels::copy_strided(steps, data_of(x) + begin, shape, data_of(y));
    }
    return y;
}

/// A tensor whose part is x, and which has one value around it.
template <class T, std::size_t Rank>
variable<T, Rank> embed(variable<T, Rank> const& x, region<Rank> const& part,
                        std::array<std::size_t, Rank> const& shape, T around) {
    auto y = record<T, Rank>(shape, embed_operation<Rank>{part}, x);
    std::fill_n(data_of(y), y.size(), around);
    if (x.size() != 0) {
        auto const [begin, steps] = part.place_in(shape);
        kernels::scatter_strided(steps, data_of(x), x.shape(), data_of(y) + begin);
    }
    return y;
}

/// An index from Python: a negative one counts from behind.
[[nodiscard]] inline std::ptrdiff_t from_front(std::ptrdiff_t index, std::size_t size) noexcept {
    return index < 0 ? index + static_cast<std::ptrdiff_t>(size) : index;
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

namespace functional {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// The elements from `begin` to in front of `end` along an axis, every `step`-th: Python's `x[begin:end:step]`.
/// Negative indices count from behind; what lies beyond the tensor is left out. A copy.
template <int Axis, class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> slice(variable<T, Rank> const& x, std::ptrdiff_t begin,
                                      std::ptrdiff_t end = std::numeric_limits<std::ptrdiff_t>::max(),
                                      std::size_t step = 1) {
    constexpr auto axis = detail::axis_of<Axis, Rank>();
    std::size_t const size = x.shape()[axis];
    auto const last = static_cast<std::ptrdiff_t>(size);
    auto const first = std::clamp<std::ptrdiff_t>(detail::from_front(begin, size), 0, last);
    auto const behind = std::clamp<std::ptrdiff_t>(detail::from_front(end, size), first, last);
    if (step == 0)
        throw error{error_kind::use,
                    "hookcam::functional::slice: the step must be at least one; give another"};
    auto part = detail::region<Rank>::whole();
    part.begin[axis] = static_cast<std::size_t>(first);
    part.step[axis] = step;
    auto shape = x.shape();
    shape[axis] = (static_cast<std::size_t>(behind - first) + step - 1) / step;
    return detail::crop(x, part, shape);
}

/// The elements at one index of an axis, without that axis: Python's `x[index]`. A negative index counts from
/// behind. A copy.
template <int Axis, class T, std::size_t Rank>
    requires(Rank >= 1)
[[nodiscard]] variable<T, Rank - 1> select(variable<T, Rank> const& x, std::ptrdiff_t index) {
    constexpr auto axis = detail::axis_of<Axis, Rank>();
    std::size_t const size = x.shape()[axis];
    auto const at = detail::from_front(index, size);
    if (at < 0 || at >= static_cast<std::ptrdiff_t>(size))
        throw error{error_kind::use,
                    "hookcam::functional::select: the index must be below the size of the axis, " +
                        std::to_string(size) + "; got " + std::to_string(index)};
    return squeeze<Axis>(slice<Axis>(x, at, at + 1));
}

/// x with `before` and `after` more elements along an axis, all of one value.
template <int Axis, class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> pad(variable<T, Rank> const& x, std::size_t before, std::size_t after,
                                    std::type_identity_t<T> value = 0) {
    constexpr auto axis = detail::axis_of<Axis, Rank>();
    auto part = detail::region<Rank>::whole();
    part.begin[axis] = before;
    auto shape = x.shape();
    shape[axis] += before + after;
    return detail::embed(x, part, shape, value);
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace functional

} // namespace hookcam
