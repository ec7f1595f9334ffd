#pragma once

#include "../core/threads.hpp"
#include "../tensor/blocked.hpp"
#include "tape.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

// Threads for steps that do the same to each plane, or to each number: each does so by itself, so no bit depends on who
// does which. They are cut where they are large enough to be worth it.

/// Numbers that a second thread is worth, and that it takes at a time. Fewer lie in the cache of the core that made them,
/// which is sooner done with them than another one has them.
inline constexpr std::size_t enough_to_share = std::size_t{1} << 18;
inline constexpr std::size_t taken_at_a_time = std::size_t{1} << 13;

/// The planes of a batch in blocks, all of them or one block of one image: where these lie in any cell with such blocks,
/// and their layout.
struct some_planes {
    std::size_t images = 0;
    std::size_t image = 0;
    std::size_t block = 0;
    bool is_one = false;

    [[nodiscard]] blocked_layout of(blocked_layout layout) const {
        if (is_one) {
            layout.channels = layout.channels_of(block);
            layout.blocks_apart = 0;
        }
        return layout;
    }
    template <class T>
    [[nodiscard]] T* in(blocked_layout const& layout, T* batch) const {
        return batch + image * layout.image() + block * layout.plane();
    }
    template <class T>
    [[nodiscard]] blocked_layout layout(cell<T> const& c) const {
        return of(c.layout());
    }
    template <class T>
    [[nodiscard]] T* data(cell<T> const& c) const {
        return in(c.layout(), c.data);
    }
    template <class T>
    [[nodiscard]] T const* read(cell<T> const& c) const {
        return data(c);
    }
    /// In the dense cell of a value that has blocks of `block_size` elsewhere.
    template <class T>
    [[nodiscard]] T* dense(cell<T> const& c, std::size_t block_size) const {
        return c.data + image * c.sizes.count() + block * block_size * c.sizes[1] * c.sizes[2];
    }
};

/// Calls `work(context, planes)` for all planes of a batch like this, on up to `workers` threads.
inline void share_planes(std::size_t workers, std::size_t batch, blocked_layout const& like,
                         void const* context, void (*work)(void const*, some_planes const&)) {
    std::size_t const blocks = like.blocks();
    if (workers < 2 || batch * blocks * like.plane() < enough_to_share)
        return work(context, {batch});
    std::size_t const part = std::max<std::size_t>(1, taken_at_a_time / like.plane());
    std::size_t const all = batch * blocks;
    parallel_for((all + part - 1) / part, workers, [&](std::size_t piece, std::size_t) {
        for (std::size_t plane = piece * part; plane < std::min(all, (piece + 1) * part); ++plane)
            work(context, {1, plane / blocks, plane % blocks, true});
    });
}

/// Calls `work(planes)` for all planes of a batch of images like those of a cell.
template <class T, class Work>
void for_planes(tape<T> const& t, cell<T> const& like, Work const& work) {
    share_planes(
        t.workers, t.batch, like.layout(), &work,
        [](void const* context, some_planes const& planes) { (*static_cast<Work const*>(context))(planes); });
}

/// Calls `work(first, count)` for `size` numbers.
template <class Work>
void for_numbers(std::size_t workers, std::size_t size, Work const& work) {
    if (workers < 2 || size < enough_to_share)
        return work(std::size_t{0}, size);
    std::size_t const pieces = (size + taken_at_a_time - 1) / taken_at_a_time;
    parallel_for(pieces, workers, [&](std::size_t piece, std::size_t) {
        std::size_t const first = piece * taken_at_a_time;
        work(first, std::min(taken_at_a_time, size - first));
    });
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
