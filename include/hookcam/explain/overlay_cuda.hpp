#pragma once

#include "../cuda/fast_divisor.hpp"
#include "../cuda/kernel.hpp"
#include "../tensor/device.hpp"
#include "heatmap_cuda.hpp"
#include "status.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace hookcam::kernels {

/// The colours of 0 to 1, red in the lowest byte, and what they and the picture are multiplied by.
struct overlay_paint {
    static constexpr unsigned entries = 256;

    std::uint32_t colours[entries];
    float heat_part;
    float picture_part;
};

/// What laying maps over pictures needs of a device's memory: `prepare_overlay` fills it.
struct overlay_room {
    std::uint32_t* colours;      ///< `overlay_paint::entries` of them
    map_range* ranges = nullptr; ///< of each map, resized
    cam_status* status = nullptr;
    resize_place* rows = nullptr;
    resize_place* columns = nullptr;
};

/// The pixels along one axis of a resized map among which its smallest and its largest value are. Between the centres of
/// two pixels of the map it is linear, so that the first and the last pixel there are enough; to be safe from rounding, one
/// more at each end is looked at. Where that would be more than all, it is all.
struct resize_samples {
    int from_size;
    int to_size;

    [[nodiscard]] HOOKCAM_DEVICE bool are_all() const { return to_size / 4 <= from_size; }
    [[nodiscard]] HOOKCAM_DEVICE int count() const { return are_all() ? to_size : 4 * from_size; }
    [[nodiscard]] HOOKCAM_DEVICE resize_place at(int k) const {
        int i = k;
        if (!are_all()) {
            double const scale = static_cast<double>(to_size) / static_cast<double>(from_size);
            double const begin =
                (static_cast<double>(k / 4) + 0.5) * scale - 0.5; // of what is right of a centre
            i = static_cast<int>(begin) + k % 4 - 1;
            i = i < 0 ? 0 : i < to_size ? i : to_size - 1;
        }
        return resize_place::look(i, from_size, to_size);
    }
};

/// What all pixels of an overlay share: of each map the range that it has when it is resized, and what it says, a block a
/// map; and in one block more, where rows and columns lie in the maps, and the colours.
struct prepare_overlay {
    static constexpr char const* name = "prepare_overlay";
    static constexpr unsigned threads = 256;
    struct shared {
        map_range values[threads];
        map_range raw_values[threads];
    };

    unsigned maps;
    resize_samples rows;
    resize_samples columns;
    float const* raw;
    overlay_room room;
    overlay_paint paint;

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        if (block.x == maps) {
            block.last([&](unsigned thread) { fill_tables(thread); });
            return;
        }
        auto& own = block.shared();
        int const height = rows.from_size;
        int const width = columns.from_size;
        unsigned const pixels = static_cast<unsigned>(height * width);
        float const* const map = raw + std::size_t{block.x} * pixels;
        measure_range(block, threads, own.raw_values, pixels, [=](unsigned i) { return map[i]; });
        unsigned const across = static_cast<unsigned>(columns.count());
        auto const value = [=, this](unsigned k) {
            return interpolate(map, height, width, rows.at(static_cast<int>(k / across)),
                               columns.at(static_cast<int>(k % across)));
        };
        measure_range(block, threads, own.values, static_cast<unsigned>(rows.count()) * across, value);
        block.last([&](unsigned thread) {
            if (thread != 0)
                return;
            map_range const before = own.raw_values[0];
            room.status[block.x] = status_of_range(before);
            // Where a map is the same everywhere, it differs by rounding alone when it is resized.
            room.ranges[block.x] = before.low == before.high ? before : own.values[0];
        });
    }

private:
    HOOKCAM_DEVICE void fill_tables(unsigned thread) const {
        for (unsigned i = thread; i < overlay_paint::entries; i += threads)
            room.colours[i] = paint.colours[i];
        fill(thread, rows, room.rows);
        fill(thread, columns, room.columns);
    }
    HOOKCAM_DEVICE static void fill(unsigned thread, resize_samples const& of, resize_place* to) {
        for (int i = static_cast<int>(thread); i < of.to_size; i += static_cast<int>(threads))
            to[i] = resize_place::look(i, of.from_size, of.to_size);
    }
};

/// Heat that is there, one number a pixel.
struct given_heat {
    static constexpr char const* name = "overlay";
    struct cursor {
        std::size_t pixel;
    };

    float const* values;

    [[nodiscard]] HOOKCAM_DEVICE cursor find(std::size_t pixel) const { return {pixel}; }
    HOOKCAM_DEVICE void step(cursor& from) const { ++from.pixel; }
    [[nodiscard]] HOOKCAM_DEVICE float at(cursor const& where) const { return values[where.pixel]; }
};

/// Heat that is made of raw maps, pixel by pixel: resized, minus its minimum, over its maximum where that is positive.
struct raw_heat {
    static constexpr char const* name = "overlay_maps";
    struct cursor {
        unsigned image;
        unsigned i;
        unsigned j;
        resize_place row;
        float low;
        float range;
    };

    int from_height;
    int from_width;
    unsigned height;
    detail::fast_divisor by_plane;
    detail::fast_divisor by_width;
    float const* raw;
    map_range const* ranges;
    resize_place const* rows;
    resize_place const* columns;

    [[nodiscard]] HOOKCAM_DEVICE cursor find(std::size_t pixel) const {
        auto const n = static_cast<unsigned>(pixel);
        cursor found{};
        found.image = by_plane.quotient(n);
        unsigned const of_image = n - found.image * by_plane.divisor;
        found.i = by_width.quotient(of_image);
        found.j = of_image - found.i * by_width.divisor;
        enter_row(found);
        return found;
    }
    HOOKCAM_DEVICE void step(cursor& from) const {
        if (++from.j < by_width.divisor)
            return;
        from.j = 0;
        if (++from.i == height) {
            from.i = 0;
            ++from.image;
        }
        enter_row(from);
    }
    [[nodiscard]] HOOKCAM_DEVICE float at(cursor const& where) const {
        float const* const map =
            raw + std::size_t{where.image} * static_cast<unsigned>(from_height * from_width);
        float const value =
            interpolate(map, from_height, from_width, where.row, columns[where.j]) - where.low;
        return where.range > 0.0f ? value / where.range : value;
    }

private:
    HOOKCAM_DEVICE void enter_row(cursor& at) const {
        map_range const of = ranges[at.image];
        at.row = rows[at.i];
        at.low = of.low;
        at.range = of.high - of.low;
    }
};

/// Heat laid over pictures, N·H·W pixels of three bytes: heat_part·colour + picture_part·picture, to the nearest byte, and
/// the picture where the heat is NaN. A block reads and writes whole words, one after the other, and a thread works on
/// four pixels of them, which are three words.
template <class Heat>
struct overlay_pixels {
    static constexpr char const* name = Heat::name;
    static constexpr unsigned threads = 256;
    static constexpr unsigned words = 3 * threads;
    static constexpr unsigned pixels_of_tile = 4 * threads;
    static constexpr unsigned tiles = 4; ///< of a block, which reads the colours once
    struct shared {
        std::uint32_t colours[overlay_paint::entries];
        std::uint32_t bytes[words];
    };
    static_assert(overlay_paint::entries == threads);

    std::size_t pixels;
    bool has_words; ///< both pictures begin at a word
    float heat_part;
    float picture_part;
    std::uint32_t const* colours;
    std::uint8_t const* picture;
    std::uint8_t* to;
    Heat heat;

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        auto& own = block.shared();
        block.each([&](unsigned thread) { own.colours[thread] = colours[thread]; });
        for (unsigned tile = 0; tile < tiles; ++tile) {
            std::size_t const first = (std::size_t{block.x} * tiles + tile) * pixels_of_tile;
            if (first >= pixels)
                break;
            bool const in_words = has_words && first + pixels_of_tile <= pixels;
            block.each([&](unsigned thread) {
                for (unsigned word = thread; word < words; word += threads)
                    own.bytes[word] = in_words ? read_word(3 * first + 4 * word) : read(3 * first + 4 * word);
            });
            block.each([&](unsigned thread) { paint(own, thread, first + 4 * thread); });
            // Each thread writes the words that it reads again.
            block.last([&](unsigned thread) {
                for (unsigned word = thread; word < words; word += threads) {
                    if (in_words)
                        write_word(3 * first + 4 * word, own.bytes[word]);
                    else
                        write(3 * first + 4 * word, own.bytes[word]);
                }
            });
        }
    }

private:
    HOOKCAM_DEVICE void paint(shared& own, unsigned thread, std::size_t first) const {
        if (first >= pixels)
            return;
        std::uint32_t const before[3] = {own.bytes[3 * thread], own.bytes[3 * thread + 1],
                                         own.bytes[3 * thread + 2]};
        std::uint32_t after[3] = {0, 0, 0};
        auto where = heat.find(first);
        HOOKCAM_UNROLL
        for (unsigned k = 0; k < 4; ++k) {
            if (first + k >= pixels)
                break;
            if (k > 0)
                heat.step(where);
            float const value = heat.at(where);
            bool const is_known = value == value;
            std::uint32_t const colour = own.colours[is_known ? entry_of(value) : 0];
            HOOKCAM_UNROLL
            for (unsigned c = 0; c < 3; ++c) {
                unsigned const at = 3 * k + c;
                std::uint32_t const byte = before[at / 4] >> (8 * (at % 4)) & 0xff;
                std::uint32_t const painted = is_known ? blend(colour >> (8 * c) & 0xff, byte) : byte;
                after[at / 4] |= painted << (8 * (at % 4));
            }
        }
        HOOKCAM_UNROLL
        for (unsigned i = 0; i < 3; ++i)
            own.bytes[3 * thread + i] = after[i];
    }

    /// 256 entries: number x has entry ⌊256·x⌋, and the nearer end where it lies outside.
    [[nodiscard]] HOOKCAM_DEVICE static unsigned entry_of(float value) {
        if (value <= 0.0f)
            return 0;
        constexpr auto entries = static_cast<float>(overlay_paint::entries);
        return value < 1.0f ? static_cast<unsigned>(value * entries) : overlay_paint::entries - 1;
    }
    [[nodiscard]] HOOKCAM_DEVICE std::uint32_t blend(std::uint32_t colour, std::uint32_t byte) const {
        return static_cast<std::uint32_t>(heat_part * static_cast<float>(colour) +
                                          picture_part * static_cast<float>(byte) + 0.5f);
    }

    [[nodiscard]] HOOKCAM_DEVICE std::uint32_t read_word(std::size_t at) const {
        std::uint32_t word = 0;
        std::memcpy(&word, __builtin_assume_aligned(picture + at, 4), 4);
        return word;
    }
    HOOKCAM_DEVICE void write_word(std::size_t at, std::uint32_t word) const {
        std::memcpy(__builtin_assume_aligned(to + at, 4), &word, 4);
    }
    [[nodiscard]] HOOKCAM_DEVICE std::uint32_t read(std::size_t at) const {
        std::uint32_t word = 0;
        for (unsigned i = 0; i < 4 && at + i < 3 * pixels; ++i)
            word |= static_cast<std::uint32_t>(picture[at + i]) << (8 * i);
        return word;
    }
    HOOKCAM_DEVICE void write(std::size_t at, std::uint32_t word) const {
        for (unsigned i = 0; i < 4 && at + i < 3 * pixels; ++i)
            to[at + i] = static_cast<std::uint8_t>(word >> (8 * i) & 0xff);
    }
};

/// The sizes of maps N,h,w and of pictures N,H,W,3.
struct overlay_sizes {
    std::size_t images = 0;
    std::size_t height = 0;
    std::size_t width = 0;
    std::size_t to_height = 0;
    std::size_t to_width = 0;
};

template <detail::a_gpu Device, class Heat>
void run_overlay(Device const& on, std::size_t pixels, overlay_paint const& paint,
                 std::uint32_t const* colours, std::uint8_t const* picture, std::uint8_t* to,
                 Heat const& heat) {
    using body = overlay_pixels<Heat>;
    auto const is_word = [](void const* at) { return reinterpret_cast<std::uintptr_t>(at) % 4 == 0; };
    static_cast<void>(detail::narrow(pixels));
    on.launch(kernel_grid{detail::parts_of(pixels, std::size_t{body::pixels_of_tile} * body::tiles)},
              body{pixels, is_word(picture) && is_word(to), paint.heat_part, paint.picture_part, colours,
                   picture, to, heat});
}

/// Lays heat N,H,W over pictures N,H,W,3 of so many pixels in all.
template <detail::a_gpu Device>
void overlay(Device const& on, std::size_t pixels, overlay_paint const& paint, float const* heat,
             std::uint8_t const* picture, std::uint32_t* colours, std::uint8_t* to) {
    on.launch(kernel_grid{}, prepare_overlay{0, {1, 0}, {1, 0}, nullptr, {colours}, paint});
    run_overlay(on, pixels, paint, colours, picture, to, given_heat{heat});
}

/// The same from raw maps, resized and normalised on the way.
template <detail::a_gpu Device>
void overlay_maps(Device const& on, overlay_sizes const& of, overlay_paint const& paint, float const* raw,
                  std::uint8_t const* picture, overlay_room const& room, std::uint8_t* to) {
    auto const signed_of = [](std::size_t size) { return static_cast<int>(detail::narrow(size)); };
    resize_samples const rows{signed_of(of.height), signed_of(of.to_height)};
    resize_samples const columns{signed_of(of.width), signed_of(of.to_width)};
    std::size_t const pixels = of.images * of.to_height * of.to_width;
    static_cast<void>(detail::narrow(of.images * of.height * of.width));
    on.launch(kernel_grid{of.images + 1},
              prepare_overlay{detail::narrow(of.images), rows, columns, raw, room, paint});
    run_overlay(on, pixels, paint, room.colours, picture, to,
                raw_heat{rows.from_size, columns.from_size, detail::narrow(of.to_height),
                         detail::fast_divisor{of.to_height * of.to_width}, detail::fast_divisor{of.to_width},
                         raw, room.ranges, room.rows, room.columns});
}

} // namespace hookcam::kernels
