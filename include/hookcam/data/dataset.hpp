#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "image_span.hpp"

namespace hookcam {

namespace detail {

template <class Data, class T>
concept writes_images = requires(Data const& data, std::size_t index, image_span<T> image) {
    { data.read(index, image) } -> std::convertible_to<std::int64_t>;
};

} // namespace detail

/// Images of one size, each with a label. A type of one's own is one if it has
///
/// - `std::size_t size() const`: how many there are;
/// - `hc::image_shape shape() const`: the sizes of each image;
/// - `std::int64_t read(std::size_t index, hc::image_span<std::uint8_t> image) const`: writes image `index` and returns
///   its label. Instead of bytes, 0 to 255, it may write `float` or `double`.
///
/// Threads of a `data_loader` call `read` at the same time. What it throws arrives where the loader's batches are used.
template <class Data>
concept dataset = requires(Data const& data) {
    { data.size() } -> std::convertible_to<std::size_t>;
    { data.shape() } -> std::convertible_to<image_shape>;
}
&&(detail::writes_images<Data, std::uint8_t> || detail::writes_images<Data, float> ||
   detail::writes_images<Data, double>);

/// What a data set writes: bytes if it can, else `float`, else `double`.
template <dataset Data>
using dataset_value =
    std::conditional_t<detail::writes_images<Data, std::uint8_t>, std::uint8_t,
                       std::conditional_t<detail::writes_images<Data, float>, float, double>>;

} // namespace hookcam
