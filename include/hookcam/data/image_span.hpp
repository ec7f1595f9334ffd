#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

namespace hookcam {

/// The sizes of an image as data sets and transforms have it.
struct image_shape {
    std::size_t channels = 0; ///< three for colours, one for gray
    std::size_t height = 0;   ///< in pixels
    std::size_t width = 0;    ///< in pixels

    /// How many values there are.
    [[nodiscard]] constexpr std::size_t size() const noexcept { return channels * height * width; }

    /// True where all three are equal.
    friend constexpr bool operator==(image_shape const&, image_shape const&) = default;
};

/// An image in somebody's memory: channels × height × width values, plane after plane, in a plane row after row from
/// the top. `T` is const where it is only read.
template <class T>
class image_span {
public:
    using value_type = std::remove_const_t<T>; ///< of a pixel's channel

    /// The image at `data`, which holds `shape.size()` values.
    constexpr image_span(T* data, image_shape const& shape) noexcept : m_data{data}, m_shape{shape} {}

    /// One that may be written is one that may be read.
    constexpr operator image_span<T const>() const noexcept // NOLINT: as span<T> becomes span<T const>
        requires(!std::is_const_v<T>) {
        return {m_data, m_shape};
    }

    /// Its sizes.
    [[nodiscard]] constexpr image_shape const& shape() const noexcept { return m_shape; }

    /// The value of a channel at row `y` and column `x`, which must lie inside.
    [[nodiscard]] constexpr T& operator()(std::size_t channel, std::size_t y, std::size_t x) const noexcept {
        return m_data[(channel * m_shape.height + y) * m_shape.width + x];
    }

    /// All values, in their order.
    [[nodiscard]] constexpr std::span<T> values() const noexcept { return {m_data, m_shape.size()}; }

    /// The values of a channel.
    [[nodiscard]] constexpr std::span<T> plane(std::size_t channel) const noexcept {
        std::size_t const size = m_shape.height * m_shape.width;
        return {m_data + channel * size, size};
    }

    /// A row of a channel.
    [[nodiscard]] constexpr std::span<T> row(std::size_t channel, std::size_t y) const noexcept {
        return {m_data + (channel * m_shape.height + y) * m_shape.width, m_shape.width};
    }

private:
    T* m_data;
    image_shape m_shape;
};

} // namespace hookcam
