#pragma once

#include "device_view.hpp"
#include "memory.hpp"
#include "xtensor.hpp"

#include <cstddef>
#include <functional>
#include <numeric>
#include <utility>

namespace hookcam {

/// A tensor that owns memory of a device, in the order of a stream, which must outlive it: what a hook makes, by kernels of
/// its own, and returns to replace what it saw. Movable, not copyable.
template <class T, std::size_t Rank, class Device>
class device_tensor : public device_view<T, Rank, Device> {
    using view = device_view<T, Rank, Device>;

public:
    /// Zeros of a shape.
    device_tensor(Device device, typename view::shape_type const& shape)
        : device_tensor{device, shape, memory<T>(count(shape), device.stream)} {}

    /// A copy of an xtensor expression of a rank that is known by type.
    template <class Expression>
        requires(xt::is_xexpression<Expression>::value)
    device_tensor(Device device, Expression const& made)
        : device_tensor{device, xt::xtensor<T, Rank>{made}} {}
    /// A copy of a tensor of this program's memory.
    device_tensor(Device device, xt::xtensor<T, Rank> const& made) : device_tensor{device, made.shape()} {
        device.stream->copy_in(m_memory.data(), made.data(), made.size() * sizeof(T));
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

    static std::size_t count(typename view::shape_type const& shape) {
        return std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>{});
    }
};

namespace detail {

template <class T, std::size_t Rank, class Device>
inline constexpr bool is_device_view<device_tensor<T, Rank, Device>> = true;

} // namespace detail

} // namespace hookcam
