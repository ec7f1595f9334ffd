#pragma once

#include "../core/extents.hpp"
#include "device.hpp"
#include "xtensor.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>

namespace hookcam {

/// What a layer and a typed hook see of a tensor: an xtensor adaptor of static rank over memory that a plan
/// or a model owns, row-major, the batch first (N,C,H,W or N,F). Good until the call returns.
template <class T, std::size_t Rank>
using tensor_view = decltype(xt::adapt(static_cast<T*>(nullptr), std::size_t{}, xt::no_ownership(),
                                       std::array<std::size_t, Rank>{}));

/// The same of run-time rank: what a run-time hook sees.
template <class T>
using any_view = decltype(xt::adapt(static_cast<T*>(nullptr), std::size_t{}, xt::no_ownership(),
                                    xt::dynamic_shape<std::size_t>{}));

/// The device on which a view's memory lies, for tag dispatch to its kernels.
template <class View>
[[nodiscard]] constexpr cpu device_of(View const&) noexcept {
    return {};
}

/// Stands for a gradient that is not computed; where emptiness is known by type a hook gets this.
struct no_gradient {
    /// Always 0.
    [[nodiscard]] static constexpr std::size_t size() noexcept { return 0; }
    /// One axis, of size 0.
    [[nodiscard]] static constexpr std::size_t dimension() noexcept { return 1; }
    /// One axis, of size 0.
    [[nodiscard]] static constexpr std::array<std::size_t, 1> shape() noexcept { return {0}; }
};

namespace detail {

template <std::size_t Rank, class T>
[[nodiscard]] tensor_view<T, Rank> view_of(T* data, std::array<std::size_t, Rank> const& shape) {
    std::size_t size = 1;
    for (auto const axis : shape)
        size *= axis;
    // The adaptor wants a pointer it may keep; the cast takes nothing but the reference away.
    return xt::adapt(static_cast<T*>(data), size, xt::no_ownership(), shape);
}

/// A view of `batch` images or feature vectors of known rank.
template <std::size_t ImageRank, class T>
[[nodiscard]] tensor_view<T, ImageRank + 1> batch_view(T* data, std::size_t batch, extents const& sizes) {
    std::array<std::size_t, ImageRank + 1> shape{batch};
    for (std::size_t axis = 0; axis < ImageRank; ++axis)
        shape[axis + 1] = sizes[axis];
    return view_of<ImageRank + 1>(data, shape);
}

/// A view of one image or feature vector of known rank, without a batch.
template <std::size_t Rank, class T>
[[nodiscard]] tensor_view<T, Rank> image_view(T* data, extents const& sizes) {
    std::array<std::size_t, Rank> shape{};
    for (std::size_t axis = 0; axis < Rank; ++axis)
        shape[axis] = sizes[axis];
    return view_of<Rank>(data, shape);
}

/// True where an expression's elements lie one after the other, in order.
template <class Expression>
[[nodiscard]] constexpr bool is_row_major() {
    if constexpr (xt::has_data_interface<Expression>::value)
        return Expression::static_layout == xt::layout_type::row_major;
    else
        return false;
}

/// Evaluates an expression into the memory of a view or a container of its shape. (Assigning it would make a
/// temporary, and xtensor copies element by element.)
template <class View, class Expression>
void fill(View&& place, Expression const& made) {
    if constexpr (is_row_major<std::decay_t<View>>() && is_row_major<Expression>()) {
        if (std::equal(place.shape().begin(), place.shape().end(), made.shape().begin(),
                       made.shape().end())) {
            auto const* const from = made.data() + made.data_offset();
            std::copy(from, from + made.size(), place.data() + place.data_offset());
            return;
        }
    }
    xt::noalias(place) = made;
}

/// A tensor of run-time rank without a batch.
template <class T>
[[nodiscard]] any_view<T> any_view_of(T* data, extents const& sizes) {
    xt::dynamic_shape<std::size_t> shape(sizes.rank);
    for (std::size_t axis = 0; axis < sizes.rank; ++axis)
        shape[axis] = sizes[axis];
    return xt::adapt(static_cast<T*>(data), sizes.count(), xt::no_ownership(), shape);
}

/// The same with a batch in front.
template <class T>
[[nodiscard]] any_view<T> any_batch_view(T* data, std::size_t batch, extents const& sizes) {
    xt::dynamic_shape<std::size_t> shape(sizes.rank + 1);
    shape[0] = batch;
    for (std::size_t axis = 0; axis < sizes.rank; ++axis)
        shape[axis + 1] = sizes[axis];
    return xt::adapt(static_cast<T*>(data), batch * sizes.count(), xt::no_ownership(), shape);
}

} // namespace detail

} // namespace hookcam
