#pragma once

#include "simd.hpp"
#include "transpose.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// Where the numbers of a batch of images lie when their channels are blocked: N, C/block, H, W, block, so that one
/// vector holds one pixel's channels of a block, with a border of zeros around each plane that windows may reach into.
/// The channels that fill up the last block are zero.
struct blocked_layout {
    std::size_t channels = 0;
    std::size_t height = 0;
    std::size_t width = 0;
    std::size_t block = 1;
    std::size_t border = 0;
    /// From one image to the next in blocks, where they are part of images with more channels; else 0.
    std::size_t blocks_apart = 0;

    [[nodiscard]] constexpr std::size_t blocks() const noexcept { return (channels + block - 1) / block; }
    /// Distances in elements, from one row, plane of a block, or image to the next; a pixel is `block` long.
    [[nodiscard]] constexpr std::size_t row() const noexcept { return (width + 2 * border) * block; }
    [[nodiscard]] constexpr std::size_t plane() const noexcept { return (height + 2 * border) * row(); }
    [[nodiscard]] constexpr std::size_t image() const noexcept {
        return (blocks_apart == 0 ? blocks() : blocks_apart) * plane();
    }
    /// Where the first pixel inside the border lies.
    [[nodiscard]] constexpr std::size_t first() const noexcept { return border * (row() + block); }
    /// Channels of a block that are not there to fill it up.
    [[nodiscard]] constexpr std::size_t channels_of(std::size_t of_block) const noexcept {
        return std::min(block, channels - of_block * block);
    }
};

/// Calls `visit(dense, blocked, channels)` for each row of each block: pointers to its first pixel in either form.
template <class Dense, class Blocked, class Visit>
void for_each_row(blocked_layout const& of, std::size_t batch, Dense* dense, Blocked* blocked, Visit visit) {
    for (std::size_t n = 0; n < batch; ++n, blocked += of.image())
        for (std::size_t b = 0; b < of.blocks(); ++b) {
            std::size_t const channels = of.channels_of(b);
            for (std::size_t i = 0; i < of.height; ++i)
                visit(dense + i * of.width, blocked + b * of.plane() + of.first() + i * of.row(), channels);
            dense += channels * of.height * of.width;
        }
}

/// Sets the border around each plane to zero.
template <class T>
void clear_border(blocked_layout const& of, std::size_t batch, T* blocked) noexcept {
    if (of.border == 0)
        return;
    std::size_t const above = of.border * of.row();
    std::size_t const beside = of.border * of.block;
    for (std::size_t i = 0; i < batch * of.blocks(); ++i) {
        T* const plane = blocked + i / of.blocks() * of.image() + i % of.blocks() * of.plane();
        std::fill_n(plane, above, T{0});
        for (std::size_t row = 0; row < of.height; ++row) {
            T* const begin = plane + above + row * of.row();
            std::fill_n(begin, beside, T{0});
            std::fill_n(begin + of.row() - beside, beside, T{0});
        }
        std::fill_n(plane + above + of.height * of.row(), above, T{0});
    }
}

/// Calls `visit(x, y, block)` for each row of each block of two batches of one size: pointers to its first pixels.
template <class T, class Visit>
void for_each_row_of_both(blocked_layout const& x_layout, blocked_layout const& y_layout, std::size_t batch,
                          T const* x, T* y, Visit visit) {
    auto const begin = [](blocked_layout const& of, std::size_t n, std::size_t block, std::size_t row) {
        return n * of.image() + block * of.plane() + of.first() + row * of.row();
    };
    for (std::size_t n = 0; n < batch; ++n)
        for (std::size_t block = 0; block < x_layout.blocks(); ++block)
            for (std::size_t row = 0; row < x_layout.height; ++row)
                visit(x + begin(x_layout, n, block, row), y + begin(y_layout, n, block, row), block);
}

/// Calls `visit(x, y)` for each plane of each block of two batches: pointers to its first pixels.
template <class T, class Visit>
void for_each_plane_of_both(blocked_layout const& x_layout, blocked_layout const& y_layout, std::size_t batch,
                            T const* x, T* y, Visit visit) {
    for (std::size_t n = 0; n < batch; ++n)
        for (std::size_t block = 0; block < x_layout.blocks(); ++block)
            visit(x + n * x_layout.image() + block * x_layout.plane() + x_layout.first(),
                  y + n * y_layout.image() + block * y_layout.plane() + y_layout.first());
}

/// Where in an image a channel's first pixel lies.
[[nodiscard]] constexpr std::size_t place_of_channel(blocked_layout const& of, std::size_t channel) noexcept {
    return channel / of.block * of.plane() + of.first() + channel % of.block;
}

/// Sets the channels that fill up the last block to zero.
template <class T>
void clear_rest_of_block(blocked_layout const& of, std::size_t batch, T* blocked) noexcept {
    std::size_t const channels = of.channels_of(of.blocks() - 1);
    if (channels == of.block)
        return;
    for (std::size_t n = 0; n < batch; ++n)
        for (std::size_t row = 0; row < of.height; ++row) {
            T* const begin =
                blocked + n * of.image() + (of.blocks() - 1) * of.plane() + of.first() + row * of.row();
            for (std::size_t j = 0; j < of.width; ++j)
                std::fill(begin + j * of.block + channels, begin + (j + 1) * of.block, T{0});
        }
}

/// Calls `visit(dense, blocked, channels)` for each block: pointers to the first pixel of its plane in either form.
template <class Dense, class Blocked, class Visit>
void for_each_plane(blocked_layout const& of, std::size_t batch, Dense* dense, Blocked* blocked,
                    Visit visit) {
    for (std::size_t n = 0; n < batch; ++n, blocked += of.image())
        for (std::size_t b = 0; b < of.blocks(); ++b) {
            std::size_t const channels = of.channels_of(b);
            visit(dense, blocked + b * of.plane() + of.first(), channels);
            dense += channels * of.height * of.width;
        }
}

/// Calls `visit(pixel)` for the first of every `width<T>` pixels of a plane; the last of them may overlap those before.
template <class T, class Visit>
void for_each_square(std::size_t plane, Visit visit) {
    for (std::size_t pixel = 0; pixel < plane; pixel += width<T>)
        visit(std::min(pixel, plane - width<T>));
}

/// Where the pixels of a plane lie in a blocked image, one after the other.
class blocked_pixels {
public:
    blocked_pixels(blocked_layout const& of, std::size_t pixel) noexcept
        : m_step{of.block},
          m_row_step{2 * of.border * of.block},
          m_width{of.width},
          m_column{pixel % of.width},
          m_at{pixel / of.width * of.row() + m_column * of.block} {}

    /// This pixel's place behind the plane's first pixel; goes on to the next.
    [[nodiscard, gnu::always_inline]] std::size_t next() noexcept {
        std::size_t const here = m_at;
        m_at += m_step;
        if (++m_column == m_width) {
            m_column = 0;
            m_at += m_row_step;
        }
        return here;
    }

private:
    std::size_t m_step;
    std::size_t m_row_step; ///< over the border
    std::size_t m_width;
    std::size_t m_column;
    std::size_t m_at;
};

/// True where squares of pixels and channels are transposed in registers.
template <class T>
[[nodiscard]] constexpr bool copies_squares(blocked_layout const& of) noexcept {
    return of.block == width<T> && of.height * of.width >= width<T>;
}

/// Calls `visit(a, b, length)` for each row of a batch in two layouts that differ in their borders alone: where it begins
/// in either, and its elements.
template <class Visit>
void for_each_place_in_both(blocked_layout const& a, blocked_layout const& b, std::size_t batch,
                            Visit visit) {
    for (std::size_t n = 0; n < batch; ++n)
        for (std::size_t block = 0; block < a.blocks(); ++block)
            for (std::size_t i = 0; i < a.height; ++i) {
                auto const at = [&](blocked_layout const& of) {
                    return n * of.image() + block * of.plane() + of.first() + i * of.row();
                };
                visit(at(a), at(b), a.width * a.block);
            }
}

/// Copies a batch to where its border differs. The border itself stays as it is.
template <class T>
void copy_blocked(blocked_layout const& from_layout, blocked_layout const& to_layout, std::size_t batch,
                  T const* from, T* to) noexcept {
    for_each_place_in_both(
        from_layout, to_layout, batch,
        [&](std::size_t a, std::size_t b, std::size_t length) { std::copy_n(from + a, length, to + b); });
}

/// Of three vectors, number by number in turn, the vector `Part`: number i of them all is number i / 3 of vector i % 3.
template <class T, std::size_t Part>
[[nodiscard, gnu::always_inline]] inline vector<T> in_turn(vector<T> a, vector<T> b, vector<T> c) noexcept {
    constexpr auto of_two = [](std::size_t i) {
        return static_cast<int>(i / 3 + (i % 3 == 1 ? width<T> : 0)); // of the third: any
    };
    constexpr auto of_all = [](std::size_t lane, std::size_t i) {
        return static_cast<int>(i % 3 == 2 ? width<T> + i / 3 : lane);
    };
    return [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
        constexpr std::size_t first = Part * width<T>;
        vector<T> const two = __builtin_shufflevector(a, b, of_two(first + I)...);
        return __builtin_shufflevector(two, c, of_all(I, first + I)...);
    }
    (std::make_index_sequence<width<T>>{});
}

/// Of a row of pixels of three channels, which lie `plane` apart: the channels of each pixel beside each other. The row is
/// at least a vector long.
template <class T>
void interleave_three(T const* from, std::size_t plane, std::size_t pixels, T* to) noexcept {
    for_each_square<T>(pixels, [&](std::size_t pixel) {
        auto const a = load(from + pixel);
        auto const b = load(from + plane + pixel);
        auto const c = load(from + 2 * plane + pixel);
        unroll<3>([&](auto part) __attribute__((always_inline)) {
            store(to + 3 * pixel + part * width<T>, in_turn<T, part>(a, b, c));
        });
    });
}

/// Copies N,C,H,W into blocks, and fills up the last block with zeros. The border stays as it is.
template <class T>
void to_blocked(blocked_layout const& of, std::size_t batch, T const* dense, T* blocked) noexcept {
    std::size_t const plane = of.height * of.width;
    if (copies_squares<T>(of)) {
        for_each_plane(of, batch, dense, blocked, [&](T const* from, T* to, std::size_t channels) {
            for_each_square<T>(plane, [&](std::size_t pixel) {
                vector<T> square[width<T>];
                unroll<width<T>>(
                    [&](auto c) { square[c] = c < channels ? load(from + c * plane + pixel) : vector<T>{}; });
                transpose<T>(square);
                blocked_pixels place{of, pixel};
                unroll<width<T>>([&](auto p) { store(to + place.next(), square[p]); });
            });
        });
        return;
    }
    for_each_row(of, batch, dense, blocked, [&](T const* from, T* to, std::size_t channels) {
        if (of.block == 3 && channels == 3 && of.width >= width<T>) {
            interleave_three(from, plane, of.width, to);
            return;
        }
        for (std::size_t j = 0; j < of.width; ++j)
            for (std::size_t c = 0; c < of.block; ++c)
                to[j * of.block + c] = c < channels ? from[c * plane + j] : T{0};
    });
}

/// Copies blocks back to N,C,H,W.
template <class T>
void from_blocked(blocked_layout const& of, std::size_t batch, T const* blocked, T* dense) noexcept {
    std::size_t const plane = of.height * of.width;
    if (copies_squares<T>(of)) {
        for_each_plane(of, batch, dense, blocked, [&](T* to, T const* from, std::size_t channels) {
            for_each_square<T>(plane, [&](std::size_t pixel) {
                vector<T> square[width<T>];
                blocked_pixels place{of, pixel};
                unroll<width<T>>([&](auto p) { square[p] = load(from + place.next()); });
                transpose<T>(square);
                unroll<width<T>>([&](auto c) {
                    if (c < channels)
                        store(to + c * plane + pixel, square[c]);
                });
            });
        });
        return;
    }
    for_each_row(of, batch, dense, blocked, [&](T* to, T const* from, std::size_t channels) {
        for (std::size_t c = 0; c < channels; ++c)
            for (std::size_t j = 0; j < of.width; ++j)
                to[c * plane + j] = from[j * of.block + c];
    });
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
