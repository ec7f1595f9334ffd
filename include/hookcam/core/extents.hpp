#pragma once

#include "error.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <utility>

namespace hookcam {

/// A size that is known only when the program runs.
inline constexpr std::size_t dynamic = static_cast<std::size_t>(-1);

/// The sizes of one image or one feature vector, without the batch: C,H,W or N.
struct extents {
    /// The most axes that sizes have.
    static constexpr std::size_t max_rank = 4;

    std::size_t rank = 0;                      ///< the number of axes
    std::array<std::size_t, max_rank> sizes{}; ///< the first `rank` are used

    /// No axes.
    constexpr extents() = default;

    /// Sizes in order: `extents{3, 32, 32}`.
    template <class... Sizes>
    explicit constexpr extents(std::size_t first, Sizes... rest) noexcept
        : rank{1 + sizeof...(Sizes)},
          sizes{first, static_cast<std::size_t>(rest)...} {}

    /// The size of an axis below `rank`.
    [[nodiscard]] constexpr std::size_t operator[](std::size_t axis) const noexcept { return sizes[axis]; }

    /// True where every size is known.
    [[nodiscard]] constexpr bool is_known() const noexcept {
        for (std::size_t axis = 0; axis < rank; ++axis)
            if (sizes[axis] == dynamic)
                return false;
        return true;
    }

    /// The number of elements; `dynamic` where a size is not known.
    [[nodiscard]] constexpr std::size_t count() const noexcept {
        if (!is_known())
            return dynamic;
        std::size_t product = 1;
        for (std::size_t axis = 0; axis < rank; ++axis)
            product *= sizes[axis];
        return product;
    }

    /// True where rank and sizes are equal.
    friend constexpr bool operator==(extents const&, extents const&) = default;
};

/// True where the two could be the same sizes: equal ranks, and equal sizes wherever both are known.
[[nodiscard]] constexpr bool compatible(extents const& a, extents const& b) noexcept {
    if (a.rank != b.rank)
        return false;
    for (std::size_t axis = 0; axis < a.rank; ++axis)
        if (a[axis] != b[axis] && a[axis] != dynamic && b[axis] != dynamic)
            return false;
    return true;
}

/// `3x32x32`, for messages.
[[nodiscard]] inline std::string to_string(extents const& sizes) {
    std::string text;
    for (std::size_t axis = 0; axis < sizes.rank; ++axis) {
        if (axis != 0)
            text += 'x';
        text += sizes[axis] == dynamic ? std::string{"?"} : std::to_string(sizes[axis]);
    }
    return text;
}

/// States what a layer asks of its input. In a constant expression a broken rule does not compile, and the
/// compilers print the sentence and the sizes; at run time it throws `hookcam::error` of kind shape.
constexpr void require(bool holds, char const* sentence, extents const& got) {
    if (!holds)
        throw error{error_kind::shape, std::string{sentence} + "; got " + to_string(got)};
}

/// Sizes as a type, without the batch. A size may be `dynamic`.
template <std::size_t... Sizes>
struct shape {
    static_assert(sizeof...(Sizes) >= 1 && sizeof...(Sizes) <= extents::max_rank,
                  "hookcam::shape: must have one to four sizes; leave the batch out");
    /// The number of axes.
    static constexpr std::size_t rank = sizeof...(Sizes);
    /// The sizes as a value.
    static constexpr extents value{Sizes...};
};

/// Images of C channels, H rows and W columns.
template <std::size_t Channels = dynamic, std::size_t Height = dynamic, std::size_t Width = dynamic>
using image = shape<Channels, Height, Width>;

/// Feature vectors of N elements.
template <std::size_t Count = dynamic>
using features = shape<Count>;

namespace detail {

template <class Holder, class Axes = std::make_index_sequence<Holder::value.rank>>
struct shape_from_value;
template <class Holder, std::size_t... Axes>
struct shape_from_value<Holder, std::index_sequence<Axes...>> {
    using type = shape<Holder::value[Axes]...>;
};

/// The shape type of a type that holds `extents` as its `value`. (Extents themselves as a template argument
/// crash g++ 12 where they depend on other arguments.)
template <class Holder>
using shape_from = typename shape_from_value<Holder>::type;

template <class T>
inline constexpr bool is_shape = false;
template <std::size_t... Sizes>
inline constexpr bool is_shape<shape<Sizes...>> = true;

} // namespace detail

} // namespace hookcam
