#pragma once

#include "../core/extents.hpp"
#include "device.hpp"
#include "shape_check.hpp"
#include "view.hpp"
#include "xtensor.hpp"

#include <array>
#include <cstddef>
#include <initializer_list>
#include <type_traits>

namespace hookcam {

/// What a layer and a hook see of a tensor in a device's memory: where it lies, its shape (the batch first), and the
/// stream in whose order it is read and written. Its elements are for the device's kernels; `to_host()` copies them.
/// `Rank` may be `dynamic`. Good until the call returns.
template <class T, std::size_t Rank, class Device>
class device_view {
public:
    using value_type = std::remove_const_t<T>;
    /// Sizes, as xtensor's adaptors have them.
    using shape_type =
        std::conditional_t<Rank == dynamic, xt::dynamic_shape<std::size_t>, std::array<std::size_t, Rank>>;
    /// The number of axes, or `dynamic`.
    static constexpr std::size_t rank = Rank;

    /// Borrows what lies at `data`.
    device_view(Device device, T* data, shape_type const& shape)
        : m_device{device},
          m_data{data},
          m_shape{shape} {}

    /// In the device's memory.
    [[nodiscard]] T* data() const noexcept { return m_data; }
    /// One size an axis.
    [[nodiscard]] shape_type const& shape() const noexcept { return m_shape; }
    /// The number of axes.
    [[nodiscard]] std::size_t dimension() const noexcept { return m_shape.size(); }
    /// The number of elements.
    [[nodiscard]] std::size_t size() const noexcept {
        std::size_t product = 1;
        for (auto const axis : m_shape)
            product *= axis;
        return product;
    }
    /// The device, and the stream.
    [[nodiscard]] Device device() const noexcept { return m_device; }

    /// A copy for this program; waits until all that was started before is done.
    [[nodiscard]] auto to_host() const {
        if constexpr (Rank == dynamic) {
            xt::xarray<value_type> made(m_shape);
            copy_to(made.data());
            return made;
        } else {
            xt::xtensor<value_type, Rank> made(m_shape);
            copy_to(made.data());
            return made;
        }
    }

    /// The same into memory for all elements.
    void copy_to(value_type* to) const { m_device.stream->copy_out(to, m_data, size() * sizeof(T)); }

private:
    Device m_device;
    T* m_data;
    shape_type m_shape;
};

/// The device on which a view's memory lies, for tag dispatch to its kernels.
template <class T, std::size_t Rank, class Device>
[[nodiscard]] Device device_of(device_view<T, Rank, Device> const& view) noexcept {
    return view.device();
}

namespace detail {

template <class View>
inline constexpr bool is_device_view = false;
template <class T, std::size_t Rank, class Device>
inline constexpr bool is_device_view<device_view<T, Rank, Device>> = true;

/// The number of axes of a tensor, wherever it lies; `dynamic` where its type does not say.
template <class Tensor>
constexpr std::size_t axes_of() {
    if constexpr (is_device_view<Tensor>)
        return Tensor::rank;
    else
        return rank_of<Tensor>;
}

/// A tensor that this program can read: itself, or of one on a device a copy.
template <class Tensor>
[[nodiscard]] decltype(auto) here(Tensor const& of) {
    if constexpr (is_device_view<Tensor>)
        return of.to_host();
    else
        return (of);
}

/// Copies a tensor, wherever it lies, to memory of this program, a view of its shape.
template <class View, class Tensor>
void fetch(View&& place, Tensor const& from) {
    if constexpr (is_device_view<Tensor>)
        from.copy_to(place.data());
    else
        fill(place, from);
}

/// Does `work()`, which starts something on one stream that reads memory of others: behind what was started on any, and
/// before what is started there later.
template <class Work>
void in_order_of(memory_place& here, std::initializer_list<memory_place*> others, Work const& work) {
    for (auto* const other : others)
        if (other != &here)
            here.wait_for(*other);
    work();
    for (auto* const other : others)
        if (other != &here)
            other->wait_for(here);
}

/// Copies from memory of another stream.
inline void copy_from_stream(memory_place& here, void* to, memory_place& there, void const* from,
                             std::size_t bytes) {
    in_order_of(here, {&there}, [&] { here.copy(to, from, bytes); });
}

/// A view of `batch` images or feature vectors of known rank in a device's memory.
template <std::size_t ImageRank, class Device, class T>
[[nodiscard]] device_view<T, ImageRank + 1, Device>
device_batch_view(Device device, T* data, std::size_t batch, extents const& sizes) {
    std::array<std::size_t, ImageRank + 1> shape{batch};
    for (std::size_t axis = 0; axis < ImageRank; ++axis)
        shape[axis + 1] = sizes[axis];
    return {device, data, shape};
}

/// A view of run-time rank of a tensor without a batch.
template <class Device, class T>
[[nodiscard]] device_view<T, dynamic, Device> any_device_view(Device device, T* data, extents const& sizes) {
    xt::dynamic_shape<std::size_t> shape(sizes.rank);
    for (std::size_t axis = 0; axis < sizes.rank; ++axis)
        shape[axis] = sizes[axis];
    return {device, data, shape};
}

/// The same with a batch in front.
template <class Device, class T>
[[nodiscard]] device_view<T, dynamic, Device> any_device_batch_view(Device device, T* data, std::size_t batch,
                                                                    extents const& sizes) {
    xt::dynamic_shape<std::size_t> shape(sizes.rank + 1);
    shape[0] = batch;
    for (std::size_t axis = 0; axis < sizes.rank; ++axis)
        shape[axis + 1] = sizes[axis];
    return {device, data, shape};
}

} // namespace detail

} // namespace hookcam
