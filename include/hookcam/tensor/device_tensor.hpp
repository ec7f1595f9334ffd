#pragma once

#include "../core/error.hpp"
#include "device_view.hpp"
#include "memory.hpp"
#include "xtensor.hpp"

#include <cstddef>
#include <type_traits>
#include <utility>

namespace hookcam {

/// A tensor that owns memory of a device, in the order of a stream, which must outlive it: the input of a plan, and what a
/// hook makes, by kernels of its own, and returns to replace what it saw. Movable, not copyable.
template <class T, std::size_t Rank, class Device>
class device_tensor : public device_view<T, Rank, Device> {
    using view = device_view<T, Rank, Device>;
    using on_host =
        std::conditional_t<Rank == dynamic, xt::xarray<T>, xt::xtensor<T, Rank == dynamic ? 0 : Rank>>;

public:
    /// Zeros of a shape. Throws `error` where the device has no stream.
    device_tensor(Device device, typename view::shape_type const& shape)
        : device_tensor{device, shape, room(device, shape)} {}

    /// A copy of an xtensor expression; its rank is known by type, unless this one's is not.
    template <class Expression>
        requires(xt::is_xexpression<Expression>::value)
    device_tensor(Device device, Expression const& made) : device_tensor{device, on_host{made}} {}
    /// A copy of a tensor of this program's memory.
    device_tensor(Device device, on_host const& made) : device_tensor{device, made.shape()} {
        device.stream->copy_in(m_memory.data(), made.data(), made.size() * sizeof(T));
    }
    /// A copy of what lies on the device.
    template <class U, std::size_t OtherRank>
        requires(std::is_same_v<std::remove_const_t<U>, T> && (Rank == OtherRank || Rank == dynamic))
    device_tensor(Device device, device_view<U, OtherRank, Device> const& made)
        : device_tensor{device, shape_of(made.shape())} {
        detail::copy_from_stream(*device.stream, m_memory.data(), *made.device().stream, made.data(),
                                 made.size() * sizeof(T));
    }

    device_tensor(device_tensor&&) noexcept = default;
    /// Takes the other's memory.
    device_tensor& operator=(device_tensor&&) noexcept = default;
    device_tensor(device_tensor const&) = delete;
    device_tensor& operator=(device_tensor const&) = delete;
    ~device_tensor() = default;

private:
    memory<T> m_memory;

    device_tensor(Device device, typename view::shape_type const& shape, memory<T>&& from)
        : view{device, from.data(), shape},
          m_memory{std::move(from)} {}

    template <class Shape>
    static typename view::shape_type shape_of(Shape const& of) {
        if constexpr (std::is_same_v<Shape, typename view::shape_type>)
            return of;
        else
            return {of.begin(), of.end()};
    }

    static memory<T> room(Device device, typename view::shape_type const& shape) {
        if (device.stream == nullptr)
            throw error{
                error_kind::use,
                "hookcam::device_tensor: the device must have a stream; make it of one, as cuda{&stream}"};
        return memory<T>(device_view<T, Rank, Device>{{}, nullptr, shape}.size(), device.stream);
    }
};

namespace detail {

template <class T, std::size_t Rank, class Device>
inline constexpr bool is_device_view<device_tensor<T, Rank, Device>> = true;

} // namespace detail

} // namespace hookcam
